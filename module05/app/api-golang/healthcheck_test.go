package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestHealthcheckAsksTheServer(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s, want /healthz", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}

	if err := checkHealth(port); err != nil {
		t.Errorf("a healthy server: %v", err)
	}
	status = http.StatusServiceUnavailable
	if err := checkHealth(port); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("an unhealthy server: error is %v, want the status", err)
	}
	server.Close()
	if err := checkHealth(port); err == nil {
		t.Error("no server: there should be an error")
	}
}

func TestUnknownArgumentsAreRefused(t *testing.T) {
	if err := command([]string{"heathcheck"}); err == nil || !strings.Contains(err.Error(), "heathcheck") {
		t.Errorf("error is %v, want one that names the argument", err)
	}
}
