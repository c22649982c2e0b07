package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime/debug"
	"time"

	"trunkline/cli/session"
)

// A client may send lines without waiting for the answers to those before, up to
// session.MaxHeld of them. Where the next one is there already, the session holds
// lines of configuration and commits them together; their answers follow the
// commit, in order. Of a terminal, a line sent ahead (runHeld) may turn out to be
// keys that are meant for the line before it: such a line is held or it is refused,
// with all that were sent ahead behind it, and it is refused after a line that asks
// or pages, and after an interrupt.

// pause is how long lines are held for one that has not come whole.
const pause = 20 * time.Millisecond

// heldLine is a line that waits for its commit, with its answer.
type heldLine struct {
	line   string
	ahead  bool // a runHeld
	output bytes.Buffer
	text   cleaner
	done   Done
}

// Write implements session.Console.
func (h *heldLine) Write(p []byte) (int, error) { return h.output.Write(h.text.clean(p)) }

// Page implements session.Console. What a held line prints is short.
func (*heldLine) Page(int) {}

// Ask implements session.Console.
func (*heldLine) Ask(context.Context, string) (string, error) { return "", errUnexpected }

// line runs a line, or holds it if more is coming.
func (c *connection) line(ctx context.Context, r request) (closing bool, err error) {
	more := r.more || len(c.requests) > 0
	ahead := r.kind == runHeld
	if !ahead {
		c.apart.Store(false)
	}
	if (more || ahead || len(c.held) > 0) && !(ahead && c.apart.Load()) {
		h := &heldLine{line: r.body, ahead: ahead}
		if result, ok := c.hold(ctx, h); ok {
			h.done = c.state(result)
			c.held = append(c.held, h)
			if more && len(c.held) < session.MaxHeld {
				return false, nil
			}
			return c.flush(ctx)
		}
	}
	if closing, err := c.flush(ctx); closing || err != nil {
		return closing, err
	}
	if ahead {
		return false, c.refuse()
	}
	return c.alone(ctx, r.body)
}

// refuse answers a line that was sent ahead and is not run.
func (c *connection) refuse() error {
	c.apart.Store(true)
	d := c.state(session.Result{})
	d.Refused = true
	return c.json(done, d)
}

// hold runs a line that may be held. One that panics is run again by itself,
// which says so.
func (c *connection) hold(ctx context.Context, h *heldLine) (result session.Result, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			c.log().Error("command panicked", "line", c.session.Under(), "panic", p, "stack", string(debug.Stack()))
			result, ok = session.Result{}, false
		}
	}()
	return c.session.Hold(ctx, h.line, h)
}

// flush commits what is held and answers it.
func (c *connection) flush(ctx context.Context) (closing bool, err error) {
	held := c.held
	c.held = nil
	if len(held) == 0 {
		return false, nil
	}
	if !c.session.Commit(ctx) {
		for _, h := range held {
			if h.ahead && c.apart.Load() {
				if err := c.refuse(); err != nil {
					return false, err
				}
				continue
			}
			if closing, err := c.alone(ctx, h.line); closing || err != nil {
				return closing, err
			}
		}
		return false, nil
	}
	var answers bytes.Buffer
	for _, h := range held {
		for p := h.output.Next(maxBody); len(p) > 0; p = h.output.Next(maxBody) {
			if err := writeFrame(&answers, output, p); err != nil {
				return false, err
			}
		}
		body, err := json.Marshal(h.done)
		if err != nil {
			return false, err
		}
		if err := writeFrame(&answers, done, body); err != nil {
			return false, err
		}
	}
	if _, err := answers.WriteTo(c.conn); err != nil {
		return false, err
	}
	c.login.touch() // somebody reads
	return false, nil
}
