package main

import (
	"io"
	"sync"

	"trunkline/cli/remote"
)

// screen is the terminal of the appliance as the console of its messages
// (logging console): beside the prompt while somebody is logged in, else as
// they come.
type screen struct {
	out io.Writer

	mu     sync.Mutex
	client *remote.Client // of who is logged in, or nil
}

// Write shows a message.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client != nil && client.Notify(string(p)) {
		return len(p), nil
	}
	return s.out.Write(p)
}

// enter has messages shown by a session until leave.
func (s *screen) enter(c *remote.Client) (leave func()) {
	s.set(c)
	return func() { s.set(nil) }
}

func (s *screen) set(c *remote.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = c
}
