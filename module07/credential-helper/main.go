// Command docker-credential-course is a credential helper: the docker command calls it instead of keeping passwords in
// its config.json. A helper is any program named docker-credential-NAME on PATH. Its only argument says what docker
// wants, and the rest goes over standard input and output:
//
//	store   reads {"ServerURL": …, "Username": …, "Secret": …} and keeps it
//	get     reads a server's URL and answers in the same form
//	erase   reads a server's URL and forgets what it kept for it
//	list    answers with the users by server: {"https://…": "user"}
//
// A real helper hands the secret to the system's keychain. This one is for looking on: it keeps a file beside itself
// that nobody else may read (secrets.json), and notes each call (calls.log), never with a secret.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type credentials struct{ ServerURL, Username, Secret string }

// errNotFound has the words by which docker knows that there is nothing for this server, which is no failure.
var errNotFound = errors.New("credentials not found in native keychain")

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Println(err) // docker reads errors from standard output, too
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("usage: docker-credential-course store|get|erase|list")
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	directory := filepath.Dir(program)
	kept, err := read(filepath.Join(directory, "secrets.json"))
	if err != nil {
		return err
	}
	input, err := io.ReadAll(in)
	if err != nil {
		return err
	}

	action, server := arguments[0], strings.TrimSpace(string(input))
	switch action {
	case "store":
		var given credentials
		if err := json.Unmarshal(input, &given); err != nil {
			return err
		}
		server = given.ServerURL
		kept[server] = given
		err = write(filepath.Join(directory, "secrets.json"), kept)
	case "erase":
		delete(kept, server)
		err = write(filepath.Join(directory, "secrets.json"), kept)
	case "get":
		found, ok := kept[server]
		if err = errNotFound; ok {
			err = json.NewEncoder(out).Encode(found)
		}
	case "list":
		users := map[string]string{}
		for server, found := range kept {
			users[server] = found.Username
		}
		server, err = "", json.NewEncoder(out).Encode(users)
	default:
		return fmt.Errorf("there is no %q here, only store, get, erase and list", action)
	}
	return errors.Join(err, note(filepath.Join(directory, "calls.log"), action+" "+server))
}

func read(file string) (map[string]credentials, error) {
	kept := map[string]credentials{}
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return nil, err
	}
	return kept, json.Unmarshal(content, &kept)
}

func write(file string, kept map[string]credentials) error {
	content, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

func note(file, line string) error {
	log, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(log, line)
	return errors.Join(err, log.Close())
}
