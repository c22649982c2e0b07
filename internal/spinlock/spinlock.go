// Package spinlock is a lock for what threads of the frame path hold for one
// burst of frames: the holder does not sleep, so whoever waits looks again, and
// lets other threads of the processor run now and then. It knows nothing of
// goroutines, which are locked to their threads there.
package spinlock

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// looks is how often a waiting thread looks before it yields the processor.
const looks = 128

// Mutex is a mutual exclusion lock; its zero value is free. Whatever may panic
// while it is held must give it back by defer.
type Mutex struct{ held atomic.Uint32 }

// Lock takes the lock.
func (l *Mutex) Lock() {
	for !l.held.CompareAndSwap(0, 1) {
		for i := 0; i < looks && l.held.Load() != 0; i++ {
		}
		if l.held.Load() != 0 {
			unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		}
	}
}

// Unlock gives it back.
func (l *Mutex) Unlock() { l.held.Store(0) }
