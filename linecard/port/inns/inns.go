// Package inns runs a function in another network namespace.
//
// A namespace belongs to a thread. Do therefore locks the goroutine to its
// thread for the time of the call; what the function opens (sockets, the TUN
// device) stays in the namespace afterwards. If the way back fails, the thread
// is thrown away with its goroutine, never reused.
package inns

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where `ip netns` keeps named namespaces.
const Dir = "/run/netns"

// Path returns the file of a namespace given by name, or name itself when it is
// a path already.
func Path(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return Dir + "/" + name
}

// Do runs f in the namespace name: a name under Dir or a path. The empty name
// is the namespace of the process. f must not start goroutines that rely on the
// namespace.
func Do(name string, f func() error) error {
	if name == "" {
		return f()
	}
	target, err := os.Open(Path(name))
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", name, err)
	}
	defer target.Close()
	done := make(chan error)
	go func() { done <- enter(name, int(target.Fd()), f) }()
	return <-done
}

// enter runs f on a thread of its own.
func enter(name string, target int, f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer home.Close()
	if err := unix.Setns(target, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	err = f()
	// A thread that cannot return stays locked and ends with this goroutine.
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}
