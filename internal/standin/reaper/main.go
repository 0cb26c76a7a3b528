// Reaper is the program of the stand-in for testcontainers/ryuk: it removes what a test process left when that
// process is gone. It speaks Ryuk's protocol, in which a client connects, sends lines of filters such as
// "label=a%3Db&label=c%3Dd", is answered ACK to each, and keeps the connection for as long as it lives.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

var engine = &http.Client{
	Timeout: 30 * time.Second,
	Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
	}},
}

func main() {
	port := os.Getenv("RYUK_PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("Started: listening on port", port)

	var (
		mutex   sync.Mutex
		filters = map[string]bool{}
		clients = make(chan int) // +1 when one connects, -1 when it has gone
	)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			clients <- 1
			go func() {
				defer func() { connection.Close(); clients <- -1 }()
				lines := bufio.NewScanner(connection)
				for lines.Scan() {
					mutex.Lock()
					filters[lines.Text()] = true
					mutex.Unlock()
					fmt.Fprintln(connection, "ACK")
				}
			}()
		}
	}()

	// The first client is awaited longer than one that has been here and is expected to come back.
	alone := time.NewTimer(duration("RYUK_CONNECTION_TIMEOUT", time.Minute))
	connected := 0
	for waiting := true; waiting; {
		select {
		case change := <-clients:
			if connected += change; connected > 0 {
				alone.Stop()
			} else {
				alone.Reset(duration("RYUK_RECONNECTION_TIMEOUT", 10*time.Second))
			}
		case <-alone.C:
			waiting = false
		}
	}
	listener.Close()

	mutex.Lock()
	defer mutex.Unlock()
	// What was being created when its maker died appears a moment later: look until a look finds nothing.
	for range 20 {
		found := 0
		for filter := range filters {
			found += reap(filter)
		}
		if found == 0 {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func duration(variable string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(variable)); err == nil {
		return d
	}
	return otherwise
}

// reap removes everything that matches a filter line, and returns how much it found.
func reap(line string) (found int) {
	query, err := url.ParseQuery(line)
	if err != nil || len(query["label"]) == 0 {
		return 0 // never everything
	}
	words, _ := json.Marshal(map[string][]string{"label": query["label"]})
	filter := "filters=" + url.QueryEscape(string(words))

	var containers, networks, images []struct{ Id string }
	list("/containers/json?all=1&"+filter, &containers)
	var removing sync.WaitGroup
	for _, c := range containers {
		removing.Go(func() { remove("/containers/" + c.Id + "?force=1&v=1") })
	}
	removing.Wait()
	list("/networks?"+filter, &networks)
	for _, n := range networks {
		remove("/networks/" + n.Id)
	}
	var volumes struct{ Volumes []struct{ Name string } }
	list("/volumes?"+filter, &volumes)
	for _, v := range volumes.Volumes {
		remove("/volumes/" + v.Name + "?force=1")
	}
	list("/images/json?"+filter, &images)
	for _, i := range images {
		remove("/images/" + i.Id + "?force=1")
	}
	return len(containers) + len(networks) + len(volumes.Volumes) + len(images)
}

func list(path string, into any) {
	answer, err := engine.Get("http://engine" + path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		fmt.Println(path, err)
	}
}

func remove(path string) {
	request, _ := http.NewRequest(http.MethodDelete, "http://engine"+path, nil)
	answer, err := engine.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 && answer.StatusCode != http.StatusNotFound {
		body, _ := io.ReadAll(answer.Body)
		fmt.Println(path, answer.Status, string(body))
		return
	}
	fmt.Println("removed", path)
}
