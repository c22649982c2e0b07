package nxapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
)

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) { // a poll of the condition
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// later asks and returns what is answered, which is a status and the body.
func (v *served) later(a asked) <-chan string {
	got := make(chan string, 1)
	go func() {
		resp, body, err := v.try(a)
		if err != nil {
			got <- err.Error()
			return
		}
		got <- resp.Status + " " + body
	}()
	return got
}

// TestChanged has a user get another role while his commands run, and while they
// wait.
func TestChanged(t *testing.T) {
	v := serve(t, nil)
	running := v.later(rpcCall("wait 4711"))
	until(t, "it does not run", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.works) == 1
	})
	v.Review() // of no change
	v.users.set("admin", password, feature.NetworkOperator)
	v.Review()
	if got := <-running; !strings.HasPrefix(got, "200") || !strings.Contains(got, "-32602") || !strings.Contains(got, "removed or has another role") {
		t.Errorf("it ran: %s", got)
	}

	v.users.set("admin", password, feature.NetworkAdmin)
	v.gate.running.TakeN(unlimited, v.limits.Running, "other", true)
	waiting := v.later(rpcCall("clear counters"))
	until(t, "it does not wait", func() bool {
		v.gate.runs.mu.Lock()
		defer v.gate.runs.mu.Unlock()
		return len(v.gate.runs.waiting) == 1
	})
	v.users.set("admin", password, feature.NetworkOperator)
	v.gate.running.GiveN(v.limits.Running, "other", true)
	v.gate.runs.wake()
	if got := <-waiting; !strings.HasPrefix(got, "401") {
		t.Errorf("it waited: %s", got)
	}
	if len(v.works) != 0 || v.gate.running.Used() != 0 || v.gate.replies.Used() != 0 {
		t.Errorf("left: %v, %d run, %d wait", v.works, v.gate.running.Used(), v.gate.replies.Used())
	}
}

// TestLarge has a user send large requests that run long, and others that he does
// not send to the end.
func TestLarge(t *testing.T) {
	v := serve(t, func(c *Config) {
		c.Limits = Limits{Small: 128, Large: 4, Run: time.Hour, Wait: 200 * time.Millisecond, Farewell: time.Millisecond}
	})
	large := func(user, cmd string) asked {
		a := rpcCall(cmd)
		a.user, a.body = user, a.body+strings.Repeat(" ", 128)
		return a
	}
	for range 5 { // more than are read at a time
		v.later(large("oper", "show numbers 100000000 | last 1"))
	}
	until(t, "they do not run", func() bool { return v.gate.running.Used() == 5 })
	for range 2 {
		c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprint(c, "POST /ins HTTP/1.1\r\nHost: x\r\nAuthorization: Basic b3BlcjpDdW11bHVzLTc=\r\nContent-Length: 1000\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "they are not read", func() bool { return v.gate.large.Used() == 2 })
	if resp, body := v.ask(t, large("oper", "show vlan")); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more of his: %s %s", resp.Status, body)
	}
	if resp, body := v.ask(t, large("admin", "show vlan")); resp.StatusCode != 200 {
		t.Errorf("an administrator's: %s %s", resp.Status, body)
	}
}

// TestHeld has large requests take the memory that one user has for them.
func TestHeld(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Small: 128, Held: 1000} })
	a := rpcCall("show vlan")
	a.body += strings.Repeat(" ", 600)
	a.user = "oper"
	if resp, _ := v.ask(t, a); resp.StatusCode != 429 {
		t.Errorf("more than half: %s", resp.Status)
	}
	a.user = "admin"
	if resp, _ := v.ask(t, a); resp.StatusCode != 200 {
		t.Errorf("an administrator: %s", resp.Status)
	}
	until(t, "something is held", func() bool { return v.gate.held.Used() == 0 && v.gate.large.Used() == 0 })
}

// TestReplies has a user not take his replies: nothing more of his runs.
func TestReplies(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Wait: 50 * time.Millisecond} })
	taken := v.gate.keep(feature.Identity{User: "oper", Role: feature.NetworkOperator}, v.limits.Replies/2)
	a := rpcCall("show vlan")
	a.user = "oper"
	if resp, body := v.ask(t, a); resp.StatusCode != 503 {
		t.Errorf("while they wait: %s %s", resp.Status, body)
	}
	if resp, body := v.ask(t, rpcCall("show vlan")); resp.StatusCode != 200 {
		t.Errorf("an administrator: %s %s", resp.Status, body)
	}
	taken()
	if resp, body := v.ask(t, a); resp.StatusCode != 200 {
		t.Errorf("after that: %s %s", resp.Status, body)
	}
}

// TestAlias has one command of an envelope print two structures, as an alias may.
func TestAlias(t *testing.T) {
	q, out := parseJSON([]byte(`{"ins_api": {"version": "1.0", "type": "cli_show", "input": "both", "output_format": "json"}}`), 1)
	if out != nil {
		t.Fatalf("%s", out.body)
	}
	got := q.form.reply([]session.Answer{{Kind: session.Shows, Output: []byte("{\"a\": 1}\n{\"b\": 2}\n")}}).body
	if !json.Valid(got) || !strings.Contains(string(got), `"body":[{"a":1},{"b":2}]`) {
		t.Errorf("got %s", got)
	}
}

// TestMoved closes the listener, as is done when the port moves, while a request
// waits.
func TestMoved(t *testing.T) {
	cli := serve(t, nil).cfg.CLI
	u := &users{passwords: map[string]string{}, roles: map[string]feature.Role{}}
	u.set("admin", password, feature.NetworkAdmin)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{CLI: cli, Auth: u, Proof: u.proof, Log: slog.New(slog.DiscardHandler), Limits: Limits{Farewell: time.Nanosecond}})
	v := &served{Server: s, users: u, url: "http://" + l.Addr().String()}
	ended := make(chan error, 1)
	go func() { ended <- v.Serve(context.Background(), l, nil) }()
	// A connection without a request, which is closed first of all.
	idle, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := io.WriteString(idle, "POST /ins HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46Q3VtdWx1cy03\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	v.gate.running.TakeN(unlimited, v.limits.Running, "other", true)
	waiting := v.later(rpcCall("show vlan"))
	until(t, "it does not wait", func() bool {
		v.gate.runs.mu.Lock()
		defer v.gate.runs.mu.Unlock()
		return len(v.gate.runs.waiting) == 1
	})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, idle); err != nil {
		t.Fatal(err)
	}
	v.gate.running.GiveN(v.limits.Running, "other", true)
	v.gate.runs.wake()
	if got := <-waiting; !strings.HasPrefix(got, "200") {
		t.Errorf("it is cut off: %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
