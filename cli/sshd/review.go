package sshd

import (
	"io"
	"maps"
	"slices"
	"time"
)

// A user who is removed or gets another role does not go on in the old one: what
// he may do was decided when his sessions began, so they end.

func (s *Server) enter(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		s.clients = map[*connection]bool{}
	}
	s.clients[c] = true
}

func (s *Server) leave(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
}

// Review ends the connections of users who have been removed or have another
// role than when they logged in. It is for the caller to call it after each
// change of users, and does not wait.
func (s *Server) Review() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.clients))
	s.mu.Unlock()
	for _, c := range all {
		if c.changed() {
			s.serving.Go(c.end)
		}
	}
}

// changed reports whether the user is not who logged in any more.
func (c *connection) changed() bool {
	now, ok := c.cfg.Auth.Lookup(c.who.User)
	return !ok || now != c.who
}

// farewell is what ended sessions print last.
const farewell = "\nThe user has been removed or has another role: the session is closed.\n"

// patience is how long a client may take to read it.
const patience = 500 * time.Millisecond

// end tells the sessions why and closes the connection.
func (c *connection) end() {
	late := time.AfterFunc(patience, func() { c.ssh.Close() })
	defer late.Stop()
	defer c.ssh.Close()
	c.cfg.Log.Info("SSH client ended: the user has changed", "user", c.who.User, "from", c.from)
	c.mu.Lock()
	all := slices.Collect(maps.Keys(c.sessions))
	c.mu.Unlock()
	for _, s := range all {
		out := &output{channel: s.channel, limit: patience, hung: func() { c.ssh.Close() }, terminal: s.withTerminal()}
		_, _ = io.WriteString(out, farewell) // to who still reads
	}
}

// note notes that a session runs, or does no more.
func (c *connection) note(s *session, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on {
		c.sessions[s] = true
	} else {
		delete(c.sessions, s)
	}
}

// withTerminal reports whether the session has a terminal.
func (s *session) withTerminal() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pty
}
