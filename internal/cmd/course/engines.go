package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"docker-proven/internal/drift"
	"docker-proven/internal/inside"
)

// proveOn proves the claims of the modules on each of several engines, which are started for it and thrown away. What
// follows the engines' images is as for `test`.
func proveOn(ctx context.Context, args []string) int {
	if len(args) == 0 || len(strings.Fields(args[0])) == 0 {
		fmt.Fprintln(os.Stderr, "test-on needs the image of an engine, for example docker:28-dind")
		return 2
	}
	engines, rest := strings.Fields(args[0]), args[1:]
	if !slices.ContainsFunc(rest, func(arg string) bool { return strings.HasPrefix(arg, "./") }) {
		rest = append([]string{"./module..."}, rest...) // the project's own tests are about this machine
	}
	code := 0
	for _, ref := range engines {
		file := os.Getenv("COURSE_RUN")
		if file == "" || len(engines) > 1 {
			file = "run-" + notInNames.ReplaceAllString(ref, "-") + ".json"
		}
		code = max(code, proveInside(ctx, ref, rest, file))
		if ctx.Err() != nil {
			break
		}
	}
	return code
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

func proveInside(ctx context.Context, ref string, args []string, file string) (code int) {
	program, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	root, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	engine, err := inside.Start(ctx, ref, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := engine.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}()
	flag, environment := engine.GoTest(program, root)
	for variable, value := range environment {
		os.Setenv(variable, value)
	}
	return prove(ctx, append([]string{flag}, args...), file)
}

func compare(w io.Writer, files []string) error {
	var runs []drift.Run
	for _, file := range files {
		run, err := drift.ReadFile(file, "")
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	drift.Compare(w, runs...)
	return nil
}
