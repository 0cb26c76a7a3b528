// Api-golang is a small HTTP API that answers with the time of its database.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "api-golang:", err)
		os.Exit(1)
	}
}

func command(arguments []string) error {
	switch {
	case len(arguments) == 0:
		return run()
	case len(arguments) == 1 && arguments[0] == "healthcheck":
		port, err := parsePort(os.Getenv("PORT"))
		if err != nil {
			return err
		}
		return checkHealth(port)
	}
	return fmt.Errorf("unknown arguments %q; give none to serve, or healthcheck to ask a server that runs here", arguments)
}

func run() error {
	// First of all, so that no moment is left in which a signal finds no handler. The first process of a
	// container needs one: the kernel does not apply a signal's default action to it.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)

	config, err := loadConfig(os.Getenv, os.ReadFile)
	if err != nil {
		return err
	}
	log := newLogger(os.Stdout, config.logLevel)

	// The pool connects when it is asked for the first time. So the program starts without its database,
	// and finds it when it comes.
	pool, err := pgxpool.NewWithConfig(context.Background(), config.database)
	if err != nil {
		return fmt.Errorf("cannot make the connection pool: %w", err)
	}

	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(config.port)))
	if err != nil {
		return fmt.Errorf("cannot listen on port %d: %w; set PORT to another one, or stop the program that uses it", config.port, err)
	}
	log.Info("listening", "port", config.port)

	if err := serve(newServer(postgres{pool}, log), listener, signals, stopLimit, log); err != nil {
		return err
	}
	closePool(pool)
	log.Info("stopped")
	return nil
}
