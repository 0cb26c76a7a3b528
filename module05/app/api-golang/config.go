package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultPort    = 8080
	connectTimeout = 3 * time.Second
	exampleURL     = "postgres://user:password@host:5432/database"
)

// config is what the environment chooses.
type config struct {
	port     int
	logLevel slog.Level
	database *pgxpool.Config
}

// loadConfig takes the environment and the file system as functions, so that tests can bring their own.
// Its errors name the variable that is wrong and what to do about it.
func loadConfig(getenv func(string) string, readFile func(string) ([]byte, error)) (config, error) {
	port, err := parsePort(getenv("PORT"))
	if err != nil {
		return config{}, err
	}
	level, err := parseLogLevel(getenv("LOG_LEVEL"))
	if err != nil {
		return config{}, err
	}
	database, err := databaseConfig(getenv, readFile)
	if err != nil {
		return config{}, err
	}
	return config{port: port, logLevel: level, database: database}, nil
}

func parsePort(value string) (int, error) {
	if value == "" {
		return defaultPort, nil
	}
	port, err := strconv.Atoi(value)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("PORT is %q; set it to a number from 1 to 65535", value)
	}
	return port, nil
}

func parseLogLevel(value string) (slog.Level, error) {
	switch value {
	case "debug":
		return slog.LevelDebug, nil
	case "info", "":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("LOG_LEVEL is %q; set it to debug, info, warn or error", value)
}

// databaseConfig reads the connection string from DATABASE_URL, or from the file that DATABASE_URL_FILE names.
// The file is for secrets: unlike a variable, it isn't shown by docker inspect and isn't passed on to child
// processes.
func databaseConfig(getenv func(string) string, readFile func(string) ([]byte, error)) (*pgxpool.Config, error) {
	value, file := getenv("DATABASE_URL"), getenv("DATABASE_URL_FILE")
	switch {
	case value == "" && file == "":
		return nil, errors.New("DATABASE_URL is not set; set it to " + exampleURL + ", or set DATABASE_URL_FILE to a file that contains it")
	case value != "" && file != "":
		return nil, errors.New("DATABASE_URL and DATABASE_URL_FILE are both set; remove one of them")
	case value != "":
		return parseDatabaseURL("DATABASE_URL", value)
	}

	content, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL_FILE cannot be read: %w; check the path, and that this user may read the file", err)
	}
	return parseDatabaseURL(fmt.Sprintf("the content of DATABASE_URL_FILE (%s)", file), string(content))
}

// parseDatabaseURL leaves out of its errors what the parsers say: they repeat parts of the text, and a part of a
// text that isn't understood may be the password.
func parseDatabaseURL(source, text string) (*pgxpool.Config, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fmt.Errorf("%s is empty; it should look like %s", source, exampleURL)
	}
	malformed := fmt.Errorf("%s is not a PostgreSQL URL; it should look like %s, with special characters in the password percent-encoded", source, exampleURL)
	address, err := url.Parse(text)
	if err != nil || (address.Scheme != "postgres" && address.Scheme != "postgresql") || address.Hostname() == "" {
		return nil, malformed
	}
	database, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, malformed
	}
	database.ConnConfig.ConnectTimeout = connectTimeout
	return database, nil
}

// newLogger writes one JSON object a line. Levels are in lower case, as in LOG_LEVEL.
func newLogger(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.LevelKey {
				attr.Value = slog.StringValue(strings.ToLower(attr.Value.String()))
			}
			return attr
		},
	}))
}
