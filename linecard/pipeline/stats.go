package pipeline

import "sync/atomic"

// batchClasses are the columns of the batch histogram: 1, 2-3, 4-7, 8-15,
// 16-31, 32-63, 64 frames.
const batchClasses = 7

// workerStats are written by the worker alone, by atomic stores.
type workerStats struct {
	frames, flooded, copies, injected uint64
	rounds, polls, sleeps, busy       uint64
	spin                              uint64 // ns, as it is now
	batches                           [batchClasses]uint64
}

// WorkerStats say how one worker spends its time.
type WorkerStats struct {
	ID     int
	CPU    int    // pinned to; -1: not pinned
	Queues int    // it receives from
	Wait   string // how it waits for the queues that are idle: ppoll, epoll
	// SpinNs is how long it polls, as it is now, before it sleeps.
	SpinNs uint64
	// Frames received, as on a wire. Flooded of them gave Copies. Injected came
	// from the control plane.
	Frames, Flooded, Copies, Injected uint64
	Rounds, Polls, Sleeps             uint64
	// BusyNs of ElapsedNs were rounds that carried frames; load is the ratio of
	// their differences between two readings.
	BusyNs, ElapsedNs uint64
	Batches           [batchClasses]uint64 // by size: 1, 2-3, 4-7, … 64
}

// Activity is a number that stays the same as long as no frame is carried and no
// counter cleared.
func (e *Engine) Activity() uint64 {
	n := e.clears.Load()
	for _, w := range e.workers {
		// Both grow when frames have been dealt with, not when they come in.
		n += atomic.LoadUint64(&w.stats.busy) + atomic.LoadUint64(&w.stats.injected)
	}
	return n
}

// Workers returns the statistics of every worker.
func (e *Engine) Workers() []WorkerStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	elapsed := uint64(e.clock())
	list := make([]WorkerStats, len(e.workers))
	for i, w := range e.workers {
		s := &w.stats
		list[i] = WorkerStats{
			ID: i, CPU: int(w.cpu.Load()), ElapsedNs: elapsed,
			Frames: atomic.LoadUint64(&s.frames), Flooded: atomic.LoadUint64(&s.flooded),
			Copies: atomic.LoadUint64(&s.copies), Injected: atomic.LoadUint64(&s.injected),
			SpinNs: atomic.LoadUint64(&s.spin), Wait: "ppoll",
			Rounds: atomic.LoadUint64(&s.rounds), Polls: atomic.LoadUint64(&s.polls),
			Sleeps: atomic.LoadUint64(&s.sleeps), BusyNs: atomic.LoadUint64(&s.busy),
		}
		if w.poller.many.Load() {
			list[i].Wait = "epoll"
		}
		for k := range s.batches {
			list[i].Batches[k] = atomic.LoadUint64(&s.batches[k])
		}
	}
	for _, p := range e.ports {
		for _, w := range p.owners {
			list[w].Queues++
		}
	}
	return list
}
