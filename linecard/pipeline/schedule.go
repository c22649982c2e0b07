package pipeline

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/timerslack"
)

// Scheduling of a worker.
const (
	pollEvery = 4                     // rounds between looks at the queues left to the poller, while others are busy
	pollSpin  = 16                    // the same while hot queues have nothing
	barrenNap = 10 * time.Millisecond // of a descriptor that polls ready for nothing
	busyPoll  = 500 * time.Microsecond
)

// run polls until stop.
func (w *Worker) run(stop <-chan struct{}) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the worker
	// Memory that a peer takes away while it is mapped costs the peer's port.
	debug.SetPanicOnFault(true)
	// A late nap is only a late look at a queue, so an error changes nothing.
	_ = timerslack.Thread(timerslack.Default)
	if cpu := w.cpu.Load(); cpu >= 0 {
		var set unix.CPUSet
		set.Set(int(cpu))
		if unix.SchedSetaffinity(0, &set) != nil {
			w.cpu.Store(-1)
		}
	}
	stopped := false
	w.stopOn(stop, &stopped)
	atomic.StoreUint64(&w.stats.spin, uint64(w.spin.length))
	now := w.e.clock()
	last := now
	for !stopped {
		if w.pending.Load() {
			w.commands()
			continue // it may have been told to stop
		}
		n := w.round(now)
		then := now
		now = w.e.clock()
		if n > 0 {
			bump(&w.stats.busy, uint64(now-then))
			last = now
			continue
		}
		if now-last < w.spin.length {
			continue
		}
		w.sleep(now)
		then = now
		now = w.e.clock()
		w.spin.slept(now - then)
		atomic.StoreUint64(&w.stats.spin, uint64(w.spin.length))
		last = now
	}
}

// stopOn arranges for the worker to see that stop is closed: as a message, so that
// the loop has nothing more to look at.
func (w *Worker) stopOn(stop <-chan struct{}, stopped *bool) {
	w.e.wg.Go(func() {
		<-stop
		w.do(func() { *stopped = true })
	})
}

// round serves every hot queue once and returns the number of frames. Now and
// then, or when there is nothing else to do, it looks for queues to make hot.
func (w *Worker) round(now int64) int {
	total, kept, rest := 0, 0, len(w.hot)
	for i, r := range w.hot {
		if w.pending.Load() { // a round of a thousand floods must not keep the control plane waiting
			rest = i
			break
		}
		if r.gone {
			r.hot = false
			continue
		}
		n := w.serve(r, now)
		if n > 0 {
			r.idle, r.barren, r.last = 0, 0, now
			total += n
		} else if w.cool(r, now) {
			r.hot = false
			continue
		}
		w.hot[kept] = r
		kept++
	}
	if rest < len(w.hot) { // those that were not served are the first in the next round
		served := w.hot[:kept]
		w.hot = append(append(make([]*receiver, 0, len(w.hot)), w.hot[rest:]...), served...)
		bump(&w.stats.rounds, 1)
		return total
	}
	clear(w.hot[kept:])
	w.hot = w.hot[:kept]
	rounds := w.stats.rounds + 1
	bump(&w.stats.rounds, 1)
	switch {
	case total > 0 && rounds%pollEvery != 0:
	case total == 0 && kept > 0 && rounds%pollSpin != 0:
	default:
		total += w.poll(0, now)
	}
	return total
}

// sleep waits for a frame or a message. Queues without a descriptor are looked
// at again after a short while. A message whose wake-up call the last round has
// drained keeps the worker from sleeping: it is marked pending before the call.
func (w *Worker) sleep(now int64) {
	if w.pending.Load() {
		return
	}
	wait, kept, pending := int64(-1), 0, false
	for _, r := range w.hot {
		switch {
		case r.gone:
			r.hot = false
			continue
		case r.fd < 0:
			wait = int64(busyPoll)
		case r.armed != nil:
			if w.arm(r, now) || r.gone {
				r.hot = false
				continue
			}
			pending = true
		}
		w.hot[kept] = r
		kept++
	}
	clear(w.hot[kept:])
	w.hot = w.hot[:kept]
	if pending {
		return
	}
	bump(&w.stats.sleeps, 1)
	if wait < 0 && len(w.poller.naps) > 0 {
		wait = int64(barrenNap)
	}
	w.poll(wait, now)
}

// poll makes the queues hot whose descriptors are ready, and returns their
// number. It waits for them as long as wait says, in ns; -1 is for ever.
func (w *Worker) poll(wait, now int64) int {
	bump(&w.stats.polls, 1)
	called, ready := w.poller.poll(wait, now)
	if called {
		var b [8]byte
		_, _ = unix.Read(w.event, b[:]) // drains it
	}
	for _, r := range ready {
		w.heat(r, now)
	}
	return len(ready)
}
