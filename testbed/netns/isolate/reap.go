package isolate

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a child that ended may wait for whoever started it.
const patience = 3 * time.Second

// Reap collects processes that lost their parent and became children of
// process 1, until ctx ends. A process that was started here is left to the one
// who waits for it: only what nobody has collected for a while is taken.
func Reap(ctx context.Context) {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	var suspects []int
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := zombies()
		for _, pid := range now {
			if slices.Contains(suspects, pid) {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			}
		}
		suspects = now
	}
}

// zombies returns the children of process 1 that ended and are not collected.
func zombies() (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it is gone
		}
		// pid (name) state parent …, where the name may hold anything.
		_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if bytes.HasPrefix(rest, []byte("Z 1 ")) {
			pids = append(pids, pid)
		}
	}
	return pids
}
