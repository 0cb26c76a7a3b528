package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"docker-proven/internal/drift"
	"docker-proven/internal/engine"
	"docker-proven/internal/inside"
	"docker-proven/internal/proof"
)

// proveOn proves the claims of the modules on each of several engines, which are started for it and thrown away, and compares
// them. What follows the engines' images is as for `test`.
func proveOn(ctx context.Context, args []string) int {
	if len(args) == 0 || len(strings.Fields(args[0])) == 0 {
		fmt.Fprintln(os.Stderr, "test-on needs the image of an engine, for example docker:28-dind")
		return 2
	}
	if os.Getenv("COURSE_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "COURSE_KEEP can't keep containers in an engine that is thrown away: unset it")
		return 2
	}
	engines, code := strings.Fields(args[0]), 0
	var files []string
	for _, ref := range engines {
		file := os.Getenv("COURSE_RUN")
		if file == "" || len(engines) > 1 {
			file = "run-" + notInNames.ReplaceAllString(ref, "-") + ".json"
		}
		fmt.Printf("\n== %s ==\n", ref)
		code = max(code, proveInside(ctx, ref, modulesOr(args[1:]), file))
		if ctx.Err() != nil {
			return code
		}
		files = append(files, file)
	}
	if len(files) > 1 {
		fmt.Println()
		if err := compare(os.Stdout, files); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// modulesOr are arguments of `test` that name packages: those given, or all modules. The project's own tests are about this
// machine, and about no image.
func modulesOr(args []string) []string {
	if proof.HasPattern(args) {
		return args
	}
	return append([]string{"./module..."}, args...)
}

// proveInside proves the claims on one engine, and keeps the run in a file.
func proveInside(ctx context.Context, ref string, args []string, file string) (code int) {
	program, err := os.Executable()
	root, noRoot := os.Getwd()
	if err = errors.Join(err, noRoot); err != nil {
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
	code = prove(ctx, append([]string{flag}, args...), file)
	if err := engine.Ended(); err != nil && ctx.Err() == nil { // Ctrl-C ends it, too
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// compare compares runs that were kept in files.
func compare(w io.Writer, files []string) error {
	var runs []drift.Run
	for _, file := range files {
		run, err := drift.ReadFile(file, "")
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	if len(runs) == 0 {
		return errors.New("compare needs the files of runs that were kept, for example run-pinned.json run-current.json")
	}
	drift.Compare(w, runs...)
	return nil
}

// since tells what broke in a run that was kept, and since which digest.
func since(w io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("since needs the file of a run that was kept, and one in which it remembers what claims held with: " +
			"for example run.json held.json")
	}
	run, err := drift.ReadFile(args[0], "this run")
	if err == nil {
		err = drift.Since(w, run, args[1])
	}
	return err
}

// showDrift compares the course with the images that the lessons name and with those of today, by runs that were kept or,
// where no file is given, by runs performed now. What follows the two files is as for `test`. The exit code is 1 when a
// claim failed.
func showDrift(ctx context.Context, args []string) int {
	const report = "drift.md"
	files := make([]string, 2)
	args = args[copy(files, args):]
	var runs []drift.Run
	performed := false
	for n, choice := range []string{"pinned", "current"} {
		if files[n] == "" {
			files[n] = "run-" + choice + ".json"
			os.Setenv("COURSE_IMAGES", choice)
			fmt.Printf("\n== The %s images ==\n", choice)
			prove(ctx, modulesOr(args), files[n]) // what fails is told below
			if ctx.Err() != nil {
				return 130
			}
			performed = true
		}
		run, err := drift.ReadFile(files[n], choice)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		runs = append(runs, run)
	}
	fmt.Println()
	file, err := os.Create(report)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	both := io.MultiWriter(os.Stdout, file)
	holds := drift.Compare(both, runs...)
	if performed { // then there is an engine to ask
		if _, err = engine.Use(ctx); err == nil {
			err = drift.Contracts(ctx, both)
		}
	}
	if err = errors.Join(err, file.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("\nThe same is in %s, and the runs are in %s.\n", report, strings.Join(files, " and "))
	if !holds {
		return 1
	}
	return 0
}
