// Command registry is a registry with faults, at 127.0.0.1:5000. The repository's name says which: 127.0.0.1:5000/429
// answers every request with that status. /sound has an image, tagged 1, and so have /slow, /cut and /cut-once: its layer
// takes long to download there, or the download is cut, always or once. At 127.0.0.1:5001 nothing is ever answered.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const address = "127.0.0.1:5000"

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	sound := registry.New(registry.Logger(log.New(os.Stderr, "", 0)))
	for _, repository := range []string{"sound", "slow", "cut", "cut-once"} {
		if err := push(sound, repository); err != nil {
			return err
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:5001")
	if err != nil {
		return err
	}
	defer silent.Close() // held until then, as Go closes one that nobody holds
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(sound, w, r) }))
}

// push gives a registry an image of one layer of a megabyte, which can't be made smaller.
func push(to http.Handler, repository string) error {
	image, err := random.Image(1<<20, 1)
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	layer, err := layers[0].Compressed()
	if err != nil {
		return err
	}
	defer layer.Close()
	content, err := io.ReadAll(layer)
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	upload := func(method, path, mediaType string, body []byte) {
		request := httptest.NewRequest(method, "/v2/"+repository+path, bytes.NewReader(body))
		request.Header.Set("Content-Type", mediaType)
		answer := httptest.NewRecorder()
		to.ServeHTTP(answer, request)
		if answer.Code != http.StatusCreated {
			err = fmt.Errorf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
	}
	for _, blob := range [][]byte{content, config} {
		upload(http.MethodPost, fmt.Sprintf("/blobs/uploads/?digest=sha256:%x", sha256.Sum256(blob)), "", blob)
	}
	upload(http.MethodPut, "/manifests/1", string(types.DockerManifestSchema2), manifest)
	return err
}

var cuts atomic.Int32

func answer(sound http.Handler, w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(r.URL.Path, "/v2/")
	repository, what, _ := strings.Cut(rest, "/")
	if status, err := strconv.Atoi(repository); err == nil {
		// The codes are those of the distribution specification; engines quote the message.
		code := map[int]string{401: "UNAUTHORIZED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}[status]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if code != "" {
			fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"says this registry"}]}`, code)
		}
		return
	}
	if strings.HasPrefix(what, "blobs/") && r.Method == http.MethodGet {
		after := map[string]func(){
			"slow": func() { time.Sleep(time.Second) },
			"cut":  func() { panic(http.ErrAbortHandler) },
			"cut-once": func() {
				if cuts.Add(1) == 1 {
					panic(http.ErrAbortHandler)
				}
			},
		}[repository]
		if after != nil {
			w = &inPieces{w, after}
		}
	}
	sound.ServeHTTP(w, r)
}

// inPieces is an answer that is sent in pieces of 64 KiB, and after each of them something is done.
type inPieces struct {
	http.ResponseWriter
	after func()
}

func (p *inPieces) Write(all []byte) (n int, err error) {
	const piece = 64 << 10
	for n < len(all) && err == nil {
		var sent int
		sent, err = p.ResponseWriter.Write(all[n:min(n+piece, len(all))])
		n += sent
		if sent == piece { // the little that an image says about itself is less
			p.ResponseWriter.(http.Flusher).Flush()
			p.after()
		}
	}
	return n, err
}
