package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
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

// What QEMU is asked for in a migration: it stops the machine once it expects to
// move the rest of the memory within the time.
const (
	downtime  = 50      // ms
	bandwidth = 4 << 30 // bytes a second: what a socket on one host takes
)

// Migrate moves the machine to one that was started with Incoming, and waits
// until it is there. The old QEMU runs on, with the machine stopped.
func (g *Guest) Migrate(ctx context.Context, to *Guest) (m Migration, err error) {
	err = to.poll(ctx, func() error {
		_, err := os.Stat(to.file("incoming"))
		return err
	})
	if err != nil {
		return m, fmt.Errorf("migrate guest %s to %s: %w", g.c.Name, to.c.Name, err)
	}
	limits := map[string]any{"downtime-limit": downtime, "max-bandwidth": bandwidth}
	if err := g.Monitor(ctx, "migrate-set-parameters", limits, nil); err != nil {
		return m, err
	}
	if err := g.Monitor(ctx, "migrate", map[string]string{"uri": "unix:" + to.file("incoming")}, nil); err != nil {
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

// Ring is a virtqueue of eth0: guest addresses of what driver and device say of
// it, both of which begin with flags and an index (virtio 1.2 §2.7.6, §2.7.8).
type Ring struct {
	Avail uint64 `json:"vring-avail"`
	Used  uint64 `json:"vring-used"`
}

// Ring finds a virtqueue: 0 is the guest's first receive queue, 1 its first
// transmit queue. A card on the vhost-user port must be away meanwhile: QEMU asks
// it where the queue stands, which stops the queue.
func (g *Guest) Ring(ctx context.Context, queue int) (r Ring, err error) {
	var devices []struct {
		Path string `json:"path"`
	}
	if err := g.Monitor(ctx, "x-query-virtio", nil, &devices); err != nil {
		return r, err
	}
	if len(devices) != 1 {
		return r, fmt.Errorf("guest %s: %d virtio devices", g.c.Name, len(devices))
	}
	return r, g.Monitor(ctx, "x-query-virtio-queue-status", map[string]any{"path": devices[0].Path, "queue": queue}, &r)
}

// Pending returns how many descriptors of a virtqueue the device has not given
// back.
func (g *Guest) Pending(ctx context.Context, r Ring) (int, error) {
	var index [2]uint16
	for i, at := range []uint64{r.Avail, r.Used} {
		var text string
		line := map[string]string{"command-line": fmt.Sprintf("xp /1hx %#x", at+2)}
		if err := g.Monitor(ctx, "human-monitor-command", line, &text); err != nil {
			return 0, err
		}
		_, value, _ := strings.Cut(text, ":")
		if _, err := fmt.Sscanf(strings.TrimSpace(value), "0x%x", &index[i]); err != nil {
			return 0, fmt.Errorf("guest %s: memory: %q: %w", g.c.Name, text, err)
		}
	}
	return int(index[0] - index[1]), nil
}
