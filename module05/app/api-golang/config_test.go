package main

import (
	"io/fs"
	"log/slog"
	"strings"
	"testing"
)

const secret = "s3cret"

func load(environment, files map[string]string) (config, error) {
	getenv := func(name string) string { return environment[name] }
	readFile := func(path string) ([]byte, error) {
		if content, ok := files[path]; ok {
			return []byte(content), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return loadConfig(getenv, readFile)
}

func TestGoodSettings(t *testing.T) {
	const databaseURL = "postgres://ada:" + secret + "@db:5433/app"
	tests := map[string]struct {
		environment map[string]string
		files       map[string]string
		wantPort    int
		wantLevel   slog.Level
	}{
		"defaults": {
			environment: map[string]string{"DATABASE_URL": databaseURL},
			wantPort:    8080, wantLevel: slog.LevelInfo,
		},
		"port and level": {
			environment: map[string]string{"DATABASE_URL": databaseURL, "PORT": "9090", "LOG_LEVEL": "debug"},
			wantPort:    9090, wantLevel: slog.LevelDebug,
		},
		"the other scheme": {
			environment: map[string]string{"DATABASE_URL": strings.Replace(databaseURL, "postgres:", "postgresql:", 1)},
			wantPort:    8080, wantLevel: slog.LevelInfo,
		},
		"a file, with a line break at its end": {
			environment: map[string]string{"DATABASE_URL_FILE": "/run/secrets/database-url"},
			files:       map[string]string{"/run/secrets/database-url": databaseURL + "\n"},
			wantPort:    8080, wantLevel: slog.LevelInfo,
		},
		"an empty variable counts as not set": {
			environment: map[string]string{"DATABASE_URL": databaseURL, "DATABASE_URL_FILE": "", "PORT": "", "LOG_LEVEL": ""},
			wantPort:    8080, wantLevel: slog.LevelInfo,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := load(test.environment, test.files)
			if err != nil {
				t.Fatal(err)
			}
			if got.port != test.wantPort || got.logLevel != test.wantLevel {
				t.Errorf("port %d and level %v, want %d and %v", got.port, got.logLevel, test.wantPort, test.wantLevel)
			}
			connection := got.database.ConnConfig
			if connection.Host != "db" || connection.Port != 5433 || connection.Password != secret {
				t.Errorf("host %q, port %d, password %q", connection.Host, connection.Port, connection.Password)
			}
		})
	}
}

func TestBadSettings(t *testing.T) {
	const good = "postgres://ada:" + secret + "@db/app"
	tests := map[string]struct {
		environment map[string]string
		files       map[string]string
		want        string // what the error names
	}{
		"no database":    {nil, nil, "DATABASE_URL is not set"},
		"two databases":  {map[string]string{"DATABASE_URL": good, "DATABASE_URL_FILE": "/url"}, nil, "both set"},
		"blank URL":      {map[string]string{"DATABASE_URL": " "}, nil, "DATABASE_URL is empty"},
		"no URL":         {map[string]string{"DATABASE_URL": secret}, nil, "DATABASE_URL is not a PostgreSQL URL"},
		"other database": {map[string]string{"DATABASE_URL": "mysql://ada:" + secret + "@db/app"}, nil, "not a PostgreSQL URL"},
		"no host":        {map[string]string{"DATABASE_URL": "postgres://ada:" + secret + "@/app"}, nil, "not a PostgreSQL URL"},
		"bad port":       {map[string]string{"DATABASE_URL": "postgres://ada:" + secret + "@db:port/app"}, nil, "not a PostgreSQL URL"},
		"bad escape":     {map[string]string{"DATABASE_URL": "postgres://ada:" + secret + "%@db/app"}, nil, "not a PostgreSQL URL"},
		"bad option":     {map[string]string{"DATABASE_URL": good + "?sslmode=perhaps"}, nil, "not a PostgreSQL URL"},
		"missing file":   {map[string]string{"DATABASE_URL_FILE": "/url"}, nil, "DATABASE_URL_FILE cannot be read"},
		"empty file":     {map[string]string{"DATABASE_URL_FILE": "/url"}, map[string]string{"/url": "\n"}, "DATABASE_URL_FILE (/url) is empty"},
		"bad file":       {map[string]string{"DATABASE_URL_FILE": "/url"}, map[string]string{"/url": secret}, "DATABASE_URL_FILE (/url) is not a PostgreSQL URL"},
		"port a word":    {map[string]string{"DATABASE_URL": good, "PORT": "http"}, nil, "PORT is"},
		"port too high":  {map[string]string{"DATABASE_URL": good, "PORT": "65536"}, nil, "PORT is"},
		"port zero":      {map[string]string{"DATABASE_URL": good, "PORT": "0"}, nil, "PORT is"},
		"unknown level":  {map[string]string{"DATABASE_URL": good, "LOG_LEVEL": "loud"}, nil, "LOG_LEVEL is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(test.environment, test.files)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not contain %q", err, test.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error %q shows the password", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q is more than one line", err)
			}
		})
	}
}
