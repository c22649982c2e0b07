package term

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"trunkline/cli/remote"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// played types keys at a terminal of some width that goes away afterwards, and
// returns what was drawn, at most maxDrawn of it. The session must end by itself.
func played(t *testing.T, s *remote.Server, keys []byte, width int) string {
	t.Helper()
	before := runtime.NumGoroutine()
	who := feature.Session{User: "admin", Role: feature.NetworkAdmin}
	client, first, wait, err := s.Local(t.Context(), who, remote.Hello{Interactive: true, Width: width, Height: 24})
	if err != nil {
		t.Fatal(err)
	}
	in, typist := io.Pipe()
	go func() {
		typist.Write(keys)
		typist.Close()
	}()
	ctx, cancel := context.WithCancel(t.Context())
	var out drawn
	ended := make(chan error, 1)
	go func() {
		ended <- Interact(ctx, Terminal{In: in, Out: &out, Size: func() (int, int) { return width, 24 }}, client, first)
	}()
	defer cancel()
	late := time.AfterFunc(time.Second, func() { _ = client.Interrupt() }) // of a command that lasts
	defer late.Stop()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%.300q at width %d: the editor goes on\n%s", keys, width, stacks[:runtime.Stack(stacks, true)])
	}
	client.Close()
	wait()
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%.300q at width %d: goroutines left\n%s", keys, width, stacks[:runtime.Stack(stacks, true)])
		}
	}
	return out.String()
}

// drawn is the begin of what was drawn.
type drawn struct{ bytes.Buffer }

const maxDrawn = 1 << 20

func (d *drawn) Write(p []byte) (int, error) {
	d.Buffer.Write(p[:min(len(p), maxDrawn-d.Len())])
	return len(p), nil
}

// keyboards has keys that have been the end of an editor, with what they left.
var keyboards = []struct{ name, keys, want string }{
	{"transpose one character", "x\x14y\x08\x08show version\r", "version 1.0(1)"},
	{"transpose nothing", "\x14\x14show version\r", "version 1.0(1)"},
	{"NUL", "conf t\r\x00vlan 7\rshow version\r", "version 1.0(1)"},
	{"NUL in a line", "show ver\x00sion\r", "version 1.0(1)"},
	{"escape, transpose", "\x1b\x14show version\r", "version 1.0(1)"},
	{"yank without end", "xxxxxxxx\x15\x19" + strings.Repeat("\x01\x15\x19\x19\x05", 12) + "\x15show version\r", "version 1.0(1)"},
	{"endless escape sequence", "\x1b[" + strings.Repeat("1;", 50_000) + "~show version\r", "version 1.0(1)"},
	{"too long to be read", strings.Repeat("a", 100) + "\x15" + strings.Repeat("\x19", 30) + "aaa\rshow version\r", "2048"},
	{"cursor in a line of prompts", "conf t\rinterface vethernet 1\rshow versin\x02o\r", "version 1.0(1)"},
}

func TestHarmlessKeys(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	s := &remote.Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}
	for _, k := range keyboards {
		t.Run(k.name, func(t *testing.T) {
			from, to := 18, 24 // prompts end at and around the end of a row
			if len(k.keys) > 1000 {
				from, to = 20, 21 // that takes its time
			}
			for width := from; width < to; width++ {
				if out := played(t, s, []byte(k.keys), width); !strings.Contains(out, k.want) {
					t.Errorf("width %d: no %q in %q", width, k.want, out[:min(len(out), 2000)])
				}
			}
		})
	}
}

func TestFitting(t *testing.T) {
	for _, c := range []struct {
		prompt string
		width  int
		want   string
	}{
		{"switch# ", 80, "switch# "}, {"switch# ", 8, "switch#"}, {"switch# ", 4, "switch#"}, {"ok?", 3, "ok? "}, {"", 80, ""},
	} {
		if got := fitting(c.prompt, c.width); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.prompt, c.width, got, c.want)
		}
	}
}

// FuzzKeys presses keys: no order of them ends anything but the session.
func FuzzKeys(f *testing.F) {
	for i, k := range keyboards {
		f.Add([]byte(k.keys[:min(len(k.keys), 500)]), uint8(18+i))
	}
	f.Add([]byte("sh\tv?\x1b[A\x1b[D\x16?\x03\x1a\x12\x0b\x19\x17\x1bb\x1bd\x1b\x7f\x1bOA\x04\xff\xc3\xa9\r\n"), uint8(0))
	f.Add([]byte("show numbers 100\r /4\rhq"), uint8(80))
	cli, _ := sessiontest.CLI(f)
	s := &remote.Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, keys []byte, width uint8) {
		if len(keys) <= 512 { // what is drawn grows with their square
			played(t, s, keys, int(width))
		}
	})
}

// FuzzSequence splits what comes through in two: that makes no difference, and
// the line editor gets no sequence but those of keys, whole.
func FuzzSequence(f *testing.F) {
	f.Add([]byte("a\x00\x1b[1;2;3;4;5;6;7;8;9;10;11~b"), uint8(9))
	f.Add([]byte("\x1b[3~\x1bb\x1b\r\x1b[1\x03\x1bOA\x1bx\x04\x1c\x1b[?1A\x1b[200~"), uint8(3))
	f.Fuzz(func(t *testing.T, keys []byte, at uint8) {
		var whole, parts sequence
		n := min(len(keys), int(at))
		want := whole.sane(keys)
		got := append(parts.sane(keys[:n]), parts.sane(keys[n:])...)
		if !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, in parts %q", keys, want, got)
		}
		if !sane.Match(want) {
			t.Fatalf("%q: %q", keys, want)
		}
	})
}

var sane = regexp.MustCompile(`^([^\x00\x04\x1b]|\x1b[bfd\x7f]|\x1b[[O][0-9;]{0,14}[ABCDFH]|\x1b\[3~)*$`)

func TestSequence(t *testing.T) {
	for keys, want := range map[string]string{
		"\x1b[A\x1bOB\x1b[1;5C":      "\x1b[A\x1bOB\x1b[1;5C",
		"\x1b\rx":                    "\rx",
		"\x1b[12\r\x04":              "\r\x1c",
		"\x1b\x1b[3~":                "\x1b[3~",
		"\x1b[200~vlan 7\r\x1b[201~": "vlan 7\r",
		"\x1bx\x1bb\x1b\xc3\xa9":     "x\x1bb\xc3\xa9",
		"a\x1cb":                     "ab",
	} {
		var s sequence
		if got := string(s.sane([]byte(keys))); got != want {
			t.Errorf("%q: %q, want %q", keys, got, want)
		}
	}
}
