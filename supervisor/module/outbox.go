package module

import (
	"sync"

	"trunkline/linecard/api"
)

// outbox is what waits to be sent to one card. Putting something in never
// blocks. A welcome or a program replaces the one before it; other messages are
// at most maxQueued, beyond that put refuses them.
type outbox struct {
	ready chan struct{} // of one: something is in it

	mu      sync.Mutex
	welcome *api.ToCard
	program *api.ToCard
	queue   []*api.ToCard
}

const maxQueued = 64

func newOutbox() *outbox { return &outbox{ready: make(chan struct{}, 1)} }

// put adds a message and reports whether there was room.
func (o *outbox) put(msg *api.ToCard) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch msg.M.(type) {
	case *api.ToCard_Welcome:
		o.welcome = msg
	case *api.ToCard_Program:
		o.program = msg
	default:
		if len(o.queue) >= maxQueued {
			return false
		}
		o.queue = append(o.queue, msg)
	}
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return true
}

// take removes the next message: a welcome, then a program, then the others in
// order; nil when there is none.
func (o *outbox) take() *api.ToCard {
	o.mu.Lock()
	defer o.mu.Unlock()
	msg := o.welcome
	switch {
	case msg != nil:
		o.welcome = nil
	case o.program != nil:
		msg, o.program = o.program, nil
	case len(o.queue) > 0:
		msg, o.queue = o.queue[0], o.queue[1:]
	}
	return msg
}
