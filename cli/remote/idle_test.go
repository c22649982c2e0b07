package remote

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// TestIdle lets the time pass: a session ends when nobody has been there for as
// long as exec-timeout says, neither at the keyboard nor with a line, also while
// a command waits.
func TestIdle(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	run := func(line string) func(*Client) error {
		return func(c *Client) error {
			if _, err := c.Run(line, quiet{}); !errors.Is(err, ErrClosed) {
				return err
			}
			return nil // the end of the session is looked at below
		}
	}
	nothing := func(*Client) error { return nil }
	for name, c := range map[string]struct {
		limit         time.Duration
		first, repeat func(*Client) error // at the begin, and every 9 minutes for an hour
		stays         bool
	}{
		"nobody there":       {10 * time.Minute, nothing, nothing, false},
		"keys":               {10 * time.Minute, nothing, (*Client).Touch, true},
		"lines":              {10 * time.Minute, nothing, run("show version"), true},
		"without limit":      {0, nothing, nothing, true},
		"a limit of its own": {10 * time.Minute, run("terminal session-timeout 90"), nothing, true},
		"a shorter one":      {2 * time.Hour, run("terminal session-timeout 8"), nothing, false},
		"a command":          {10 * time.Minute, run("wait 4711"), nothing, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{CLI: cli, Log: slog.New(slog.DiscardHandler), Idle: func(feature.Session) time.Duration { return c.limit }}
				who := feature.Session{User: "admin", Role: feature.NetworkAdmin, Address: "192.0.2.1"}
				client, _, wait, err := s.Local(t.Context(), who, Hello{Interactive: true})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				if err := c.first(client); err != nil {
					t.Fatal(err)
				}
				for range 7 {
					time.Sleep(9 * time.Minute)
					synctest.Wait()
					if len(s.Logins()) == 0 {
						break
					}
					if err := c.repeat(client); err != nil {
						t.Fatal(err)
					}
				}
				if stays := len(s.Logins()) == 1; stays != c.stays {
					t.Errorf("logged in: %v, want %v", stays, c.stays)
				}
				client.Close()
				if err := wait(); err != nil {
					t.Errorf("session: %v", err)
				}
			})
		})
	}
}
