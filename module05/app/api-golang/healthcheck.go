package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// checkHealth asks the server that listens on the port of this machine how it is. It is for containers in which there
// is no other program that could ask.
func checkHealth(port int) error {
	client := http.Client{Timeout: healthTimeout + time.Second}
	answer, err := client.Get("http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/healthz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(answer.Body) // what can't be read of it is not told
		return fmt.Errorf("%s %s", answer.Status, body)
	}
	return nil
}
