package term

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"trunkline/cli/remote"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// opening is a screen that says when the first prompt is there.
type opening struct {
	all    drawn
	once   sync.Once
	prompt chan struct{}
}

func (o *opening) Write(p []byte) (int, error) {
	n, err := o.all.Write(p)
	if strings.Contains(o.all.String(), "#") {
		o.once.Do(func() { close(o.prompt) })
	}
	return n, err
}

// TestNotices has messages come while keys do, also those whose answer the editor
// waits for: none is lost, and all keys count.
func TestNotices(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	messages := make(chan string)
	s := &remote.Server{CLI: cli, Log: slog.New(slog.DiscardHandler), Messages: func() (<-chan string, func()) { return messages, func() {} }}
	who := feature.Session{User: "admin", Role: feature.NetworkAdmin}
	client, first, wait, err := s.Local(t.Context(), who, remote.Hello{Interactive: true, Width: 80, Height: 24})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Monitor(s.Logins()[0].ID, true) {
		t.Fatal("no monitor")
	}
	in, typist := io.Pipe()
	var typing sync.WaitGroup
	typing.Go(func() {
		for range 60 {
			io.WriteString(typist, "sh\tvl?\tx\x08\r\x10\x15")
		}
		io.WriteString(typist, "show version\r")
	})
	const sent = 200
	out := &opening{prompt: make(chan struct{})}
	typing.Go(func() {
		<-out.prompt // who has no prompt yet hears nothing
		for i := range sent {
			messages <- fmt.Sprintf("message %d.", i)
		}
		typing.Go(func() {
			messages <- "the last" // taken when the one before it has been written
			typist.Close()
		})
	})
	if err := Interact(t.Context(), Terminal{In: in, Out: out, Size: func() (int, int) { return 80, 24 }}, client, first); err != nil {
		t.Error(err)
	}
	client.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	typing.Wait()
	screen := out.all.String()
	for i := range sent - 1 {
		if text := fmt.Sprintf("message %d.\n", i); !strings.Contains(screen, text) {
			t.Errorf("no %q", text)
		}
	}
}
