// Package timerslack lets the kernel gather the timers of an idle daemon. A
// process that sleeps in many threads wakes a processor for each of them; with
// slack, expiries that lie close together share one wake-up.
//
// The slack belongs to a thread and passes to the threads it makes and through
// exec (prctl(2), PR_SET_TIMERSLACK). Go's run-time has made threads before
// main starts, among them the one that wakes most often, so the only way to
// reach all of them without CAP_SYS_NICE is to set it and start again.
package timerslack

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Idle is how late a timer of a daemon may be: well under the least interval
// that any of them waits for (the store's tick of 100 ms).
const Idle = 5 * time.Millisecond

// Default is what Linux gives a process.
const Default = 50 * time.Microsecond

// Restart gives every thread of this process the slack, by executing the
// program again with the same arguments when it does not have it yet. It must
// come first in main: nothing that is open survives. A program that cannot be
// executed again runs on with the slack it has.
func Restart(slack time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || now == int(slack) {
		return
	}
	if Thread(slack) != nil {
		return
	}
	// On success this does not return.
	if syscall.Exec("/proc/self/exe", os.Args, os.Environ()) != nil {
		_ = Thread(time.Duration(now))
	}
}

// Thread gives the calling thread the slack; the caller has locked it.
func Thread(slack time.Duration) error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	return nil
}
