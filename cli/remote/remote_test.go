package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
	"trunkline/internal/unixsock"
)

func server(t testing.TB) *Server {
	t.Helper()
	cli, _ := sessiontest.CLI(t)
	return &Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}
}

func local(t testing.TB, h Hello) (*Client, Done) {
	t.Helper()
	c, first, wait, err := server(t).Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	return c, first
}

func TestRun(t *testing.T) {
	c, first := local(t, Hello{})
	if first.Prompt != "switch# " {
		t.Errorf("first prompt %q", first.Prompt)
	}
	for _, step := range []struct {
		line, want, prompt string
		failed             bool
	}{
		{"show version", "version 1.0(1)\n", "switch# ", false},
		{"show cox", "       ^\n% Invalid command at '^' marker.\n", "switch# ", true},
		{"conf t", "Enter configuration commands, one per line. End with CNTL/Z.\n", "switch(config)# ", false},
		{"hostname h1", "", "h1(config)# ", false},
		{"panic 4711", "ERROR: Internal error; see the log.\n", "h1(config)# ", true},
		{"end ; show vlan", "VLAN\n", "h1# ", false},
	} {
		var b strings.Builder
		d, err := c.Run(step.line, Plain{&b})
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != step.want || d.Prompt != step.prompt || d.Failed != step.failed {
			t.Errorf("%s: got %q %q %v, want %q %q %v", step.line, b.String(), d.Prompt, d.Failed, step.want, step.prompt, step.failed)
		}
	}
	if d, err := c.Run("exit", Plain{io.Discard}); err != nil || !d.Close {
		t.Errorf("exit: %+v %v", d, err)
	}
	if _, err := c.Run("show version", Plain{io.Discard}); err == nil {
		t.Error("a closed session runs lines")
	}
}

func TestHelpAndComplete(t *testing.T) {
	c, _ := local(t, Hello{})
	if h, err := c.Help("show cop"); err != nil || h != "  copyright  Copyright\n" {
		t.Errorf("help %q %v", h, err)
	}
	v, err := c.Complete("show vl")
	if err != nil || v.From != 5 || len(v.Candidates) != 1 || v.Candidates[0].Text != "vlan" {
		t.Errorf("completion %+v %v", v, err)
	}
}

// handler stops or answers as told.
type handler struct {
	bytes.Buffer
	answer string
	after  int // stop after so many bytes
	paged  []int
}

var errEnough = errors.New("enough")

func (h *handler) Output(p []byte) error {
	h.Write(p)
	if h.after > 0 && h.Len() >= h.after {
		return errEnough
	}
	return nil
}
func (h *handler) Page(n int)                 { h.paged = append(h.paged, n) }
func (h *handler) Ask(string) (string, error) { return h.answer, nil }

func TestQuestion(t *testing.T) {
	c, _ := local(t, Hello{Interactive: true})
	h := &handler{answer: "y"}
	if d, err := c.Run("clear counters", h); err != nil || d.Failed || h.String() != "cleared\n" {
		t.Errorf("yes: %+v %v %q", d, err, h.String())
	}
	h = &handler{answer: ""}
	if d, err := c.Run("clear counters", h); err != nil || !d.Failed || h.String() != "" {
		t.Errorf("default: %+v %v %q", d, err, h.String())
	}
}

// Output that the client has seen enough of ends early, and the session goes on.
func TestQuitLongOutput(t *testing.T) {
	c, _ := local(t, Hello{Interactive: true, Height: 10})
	h := &handler{after: 1000}
	if _, err := c.Run("show numbers 100000000", h); err != nil {
		t.Fatal(err)
	}
	if len(h.paged) == 0 || h.paged[0] != 10 {
		t.Errorf("paged by %v", h.paged)
	}
	h = &handler{}
	if _, err := c.Run("show version", h); err != nil || h.String() != "version 1.0(1)\n" {
		t.Errorf("after: %q %v", h.String(), err)
	}
}

func TestInterrupt(t *testing.T) {
	c, _ := local(t, Hello{})
	var once sync.Once
	d, err := c.Run("wait 4711 ; show version", writer(func(p []byte) {
		once.Do(func() {
			if err := c.Interrupt(); err != nil {
				t.Error(err)
			}
		})
		if string(p) != "waiting\n" {
			t.Errorf("printed %q", p)
		}
	}))
	if err != nil || !d.Failed {
		t.Errorf("%+v %v", d, err)
	}
}

type writer func(p []byte)

func (w writer) Output(p []byte) error    { w(p); return nil }
func (writer) Page(int)                   {}
func (writer) Ask(string) (string, error) { return "", errEnough }

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "vsm.sock")
	l, err := unixsock.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server(t).ServeSocket(ctx, l) }()
	c, _, err := Dial(t.Context(), path, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	ok, err := c.Script(strings.NewReader("show version\nshow cox\nshow vlan"), &b)
	if ok || err != nil || b.String() != "version 1.0(1)\n       ^\n% Invalid command at '^' marker.\nVLAN\n" {
		t.Errorf("%v %v %q", ok, err, b.String())
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("server: %v", err)
	}
	if _, err := c.Run("show version", Plain{io.Discard}); !errors.Is(err, ErrClosed) && err == nil {
		t.Error("the session outlived the server")
	}
}

// TestStop ends a session in the middle of a line and refuses new ones.
func TestStop(t *testing.T) {
	s := server(t)
	c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { _, err := c.Run("wait 4711", Plain{io.Discard}); ran <- err }()
	s.Stop()
	if err := <-ran; err == nil {
		t.Error("the line went on after Stop")
	}
	if err := wait(); err != nil {
		t.Errorf("session: %v", err)
	}
	if _, _, _, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{}); !errors.Is(err, ErrStopped) {
		t.Errorf("new session: %v, want ErrStopped", err)
	}
}

// TestPanicInRequest: what fails in ? or Tab is an error of its session.
func TestPanicInRequest(t *testing.T) {
	c := &connection{Server: server(t)} // without a session
	for _, k := range []kind{help, complete, abandon, endConfig} {
		if err := c.request(request{kind: k}); !errors.Is(err, errInternal) {
			t.Errorf("%q: %v", k, err)
		}
	}
}

// FuzzServer feeds a server what no client of ours sends.
func FuzzServer(f *testing.F) {
	frame := func(k kind, body string) string {
		var b bytes.Buffer
		if err := writeFrame(&b, k, []byte(body)); err != nil {
			f.Fatal(err)
		}
		return b.String()
	}
	hi := frame(hello, `{"Interactive":true}`)
	f.Add([]byte(hi + frame(runLine, "show version")))
	f.Add([]byte(hi + frame(runLine, "wait 4711") + frame(interrupt, "")))
	f.Add([]byte(hi + frame(runLine, "clear counters") + frame(answer, "y") + frame(window, `{"Width":-1}`)))
	f.Add([]byte(hi + frame(help, "show ?") + frame(complete, "sh") + frame(endConfig, "") + "R\xff\xff\xff\xff"))
	f.Add([]byte("H\x00\x00\x00\x00"))
	s := server(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		near, far := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			s.Serve(t.Context(), far, feature.Session{})
		}()
		go io.Copy(io.Discard, near)
		near.SetDeadline(time.Now().Add(30 * time.Second))
		near.Write(data)
		near.Close()
		<-served
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("R\x00\x00\x00\x01x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, body, err := readFrame(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := writeFrame(&b, k, body); err != nil || !bytes.HasPrefix(data, b.Bytes()) {
			t.Fatalf("%q became %q, %v", data, b.Bytes(), err)
		}
	})
}
