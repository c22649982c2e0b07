package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Monitor has QEMU execute a command of its machine protocol (QMP). What it
// returns is stored in result, unless that is nil.
func (g *Guest) Monitor(ctx context.Context, command string, arguments, result any) error {
	if err := g.monitor(ctx, command, arguments, result); err != nil {
		return fmt.Errorf("guest %s: %s: %w", g.c.Name, command, err)
	}
	return nil
}

// message is one of QMP's in either direction.
type message struct {
	Execute   string          `json:"execute,omitempty"`
	Arguments any             `json:"arguments,omitempty"`
	Greeting  json.RawMessage `json:"QMP,omitempty"`
	Event     string          `json:"event,omitempty"`
	Return    json.RawMessage `json:"return,omitempty"`
	Error     *struct {
		Desc string `json:"desc"`
	} `json:"error,omitempty"`
}

func (g *Guest) monitor(ctx context.Context, command string, arguments, result any) error {
	var conn net.Conn
	err := g.poll(ctx, func() (err error) {
		conn, err = net.Dial("unix", g.file("qmp"))
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	for _, m := range []message{{Execute: "qmp_capabilities"}, {Execute: command, Arguments: arguments}} {
		if err := out.Encode(m); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		answer, err := answerOf(in)
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
		if m.Execute == command && result != nil {
			return json.Unmarshal(answer, result)
		}
	}
	return nil
}

// answerOf skips the greeting and events.
func answerOf(in *json.Decoder) (json.RawMessage, error) {
	for {
		var m message
		if err := in.Decode(&m); err != nil {
			return nil, err
		}
		switch {
		case m.Error != nil:
			return nil, errors.New(m.Error.Desc)
		case m.Greeting == nil && m.Event == "":
			return m.Return, nil
		}
	}
}

// Migration is what QEMU says of a migration that has ended, in milliseconds.
type Migration struct {
	Status   string `json:"status"`
	Error    string `json:"error-desc"`
	Total    int    `json:"total-time"`
	Downtime int    `json:"downtime"`
	RAM      struct {
		Rounds int `json:"dirty-sync-count"`
	} `json:"ram"`
}

// Migrate moves the machine to one that was started with Incoming, and waits
// until it is there. The old QEMU runs on, with the machine stopped.
func (g *Guest) Migrate(ctx context.Context, to string) (m Migration, err error) {
	if err := g.Monitor(ctx, "migrate", map[string]string{"uri": to}, nil); err != nil {
		return m, err
	}
	err = g.poll(ctx, func() error {
		if err := g.Monitor(ctx, "query-migrate", nil, &m); err != nil {
			return err
		}
		if m.Status != "completed" && m.Status != "failed" {
			return errors.New("the migration is " + m.Status)
		}
		return nil
	})
	if err == nil && m.Status == "failed" {
		err = errors.New("the migration failed: " + m.Error)
	}
	if err != nil {
		return m, fmt.Errorf("migrate guest %s: %w", g.c.Name, err)
	}
	return m, nil
}

// Ring is where a virtqueue of eth0 stands, by what lies in the guest's memory.
type Ring struct {
	Avail, Used uint16 // indices
}

// Ring reads the indices of a virtqueue: 0 is the guest's first receive queue, 1
// its first transmit queue.
func (g *Guest) Ring(ctx context.Context, queue int) (r Ring, err error) {
	var devices []struct {
		Path string `json:"path"`
		Name string `json:"name"`
	}
	if err := g.Monitor(ctx, "x-query-virtio", nil, &devices); err != nil {
		return r, err
	}
	if len(devices) != 1 {
		return r, fmt.Errorf("guest %s: %d virtio devices", g.c.Name, len(devices))
	}
	var q struct {
		Avail uint64 `json:"vring-avail"`
		Used  uint64 `json:"vring-used"`
	}
	if err := g.Monitor(ctx, "x-query-virtio-queue-status", map[string]any{"path": devices[0].Path, "queue": queue}, &q); err != nil {
		return r, err
	}
	for _, at := range []struct {
		addr uint64
		to   *uint16
	}{{q.Avail, &r.Avail}, {q.Used, &r.Used}} {
		// Both begin with flags and the index (virtio 1.2 §2.7.6, §2.7.8).
		line := map[string]string{"command-line": fmt.Sprintf("xp /1hx %#x", at.addr+2)}
		var text string
		if err := g.Monitor(ctx, "human-monitor-command", line, &text); err != nil {
			return r, err
		}
		_, value, _ := strings.Cut(text, ":")
		if _, err := fmt.Sscanf(strings.TrimSpace(value), "0x%x", at.to); err != nil {
			return r, fmt.Errorf("guest %s: memory: %q: %w", g.c.Name, text, err)
		}
	}
	return r, nil
}
