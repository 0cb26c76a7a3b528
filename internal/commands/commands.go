// Package commands reads from the help texts of the docker command which subcommands it has.
package commands

import (
	"regexp"
	"strings"
)

// Help is what a docker command prints for `docker WORDS… --help`.
type Help func(words ...string) string

var (
	heading = regexp.MustCompile(`^([A-Z]\w* )?Commands:$`)
	// A name of a listed command ends in a star when a plugin brings it.
	listed = regexp.MustCompile(`^  ([a-z][a-z0-9_-]*)\*?\s+\S`)
)

// Below are the subcommands that the help lists below a group such as "image", each as its words: "image ls". In place
// of a subcommand that is itself a group (docker lists these as management commands) come those below it. One that the
// list calls experimental is left out: it may be gone in the next release.
func Below(help Help, group string) (found []string) {
	section := ""
	for line := range strings.Lines(help(strings.Fields(group)...)) {
		line = strings.TrimRight(line, "\r\n ")
		switch entry := listed.FindStringSubmatch(line); {
		case heading.MatchString(line):
			section = line
		case line != "" && line[0] != ' ':
			section = ""
		case section == "" || entry == nil || strings.Contains(line, "EXPERIMENTAL"):
		case section == "Management Commands:":
			found = append(found, Below(help, group+" "+entry[1])...)
		default:
			found = append(found, group+" "+entry[1])
		}
	}
	return found
}

// Has is whether there is such a command, listed or not: asked for the help of one that it doesn't have, docker prints
// the help of the group instead, or an error.
func Has(help Help, command string) bool {
	for line := range strings.Lines(help(strings.Fields(command)...)) {
		if usage, ok := strings.CutPrefix(strings.TrimSpace(line), "Usage:"); ok {
			return strings.HasPrefix(strings.TrimSpace(usage)+" ", "docker "+command+" ")
		}
	}
	return false
}
