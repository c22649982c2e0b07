// Package patch connects two ports back to back, the smallest thing that moves
// frames between drivers. It is how the drivers are tested and measured without
// a pipeline.
package patch

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// Stats count what a wire did. They are written by its goroutine only and read
// after Run has returned.
type Stats struct {
	Frames, Super, Tagged int // received
	Drops                 [frame.Reasons]int
}

// Wire is a pair of ports.
type Wire struct {
	queues [2]port.Queue
	batch  frame.Batch
	out    [frame.BatchSize]frame.Out
	Stats  Stats
}

// New opens the queues of both ports.
func New(a, b port.Port) (*Wire, error) {
	w := &Wire{}
	for i, p := range []port.Port{a, b} {
		q, err := p.Queue(0, 0)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		w.queues[i] = q
	}
	return w, nil
}

// Turn receives once from each side and sends to the other. It reports how many
// frames moved.
func (w *Wire) Turn() (int, error) {
	moved := 0
	for i, q := range w.queues {
		b := &w.batch
		if err := q.Recv(b); err != nil {
			return moved, err
		}
		if b.N == 0 {
			continue
		}
		n := 0
		for j := range b.N {
			f := &b.Frames[j]
			w.Stats.Frames++
			if f.GSO != frame.GSONone {
				w.Stats.Super++
			}
			if f.Flags&frame.Tagged != 0 {
				w.Stats.Tagged++
			}
			if b.Drop[j] != frame.Forward {
				w.Stats.Drops[b.Drop[j]]++
				continue
			}
			w.out[n] = frame.Out{Frame: f, TCI: f.TCI, Tag: f.Flags&frame.Tagged != 0}
			n++
		}
		err := w.queues[1-i].Send(w.out[:n])
		for j := range n {
			w.Stats.Drops[w.out[j].Drop]++
		}
		q.Release(b)
		if err != nil {
			return moved, err
		}
		moved += b.N
	}
	return moved, nil
}

// spin is how long a wire polls before it sleeps, as the workers of a card do.
const spin = 50 * time.Microsecond

// Run moves frames until the context ends or a device is gone.
func (w *Wire) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	poll := []unix.PollFd{
		{Fd: int32(w.queues[0].FD()), Events: unix.POLLIN},
		{Fd: int32(w.queues[1].FD()), Events: unix.POLLIN},
	}
	for last := time.Now(); ctx.Err() == nil; {
		n, err := w.Turn()
		if err != nil {
			return err
		}
		if n > 0 {
			last = time.Now()
			continue
		}
		if time.Since(last) < spin {
			continue
		}
		if _, err := unix.Poll(poll, 50); err != nil && err != unix.EINTR {
			return err
		}
	}
	return nil
}

// Close closes the queues.
func (w *Wire) Close() error {
	var err error
	for i, q := range w.queues {
		if q != nil {
			err = errors.Join(err, q.Close())
			w.queues[i] = nil
		}
	}
	return err
}
