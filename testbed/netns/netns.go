// Package netns makes network namespaces, and what is in them, for the lab, the
// tests and the bench: veth pairs, addresses, counters, programs.
//
// A namespace is a file below Dir, as `ip netns` has it, so every tool finds it
// by name. Inside isolate's private world Dir is private too, and all of it
// vanishes with the process, however that ends; elsewhere Delete removes it.
//
// A namespace belongs to a thread. Do locks its goroutine to a thread for the
// time of a call, and a thread that cannot return is thrown away. What f opens
// stays in the namespace; goroutines that f starts are not in it.
//
// The package has no state; functions may be called concurrently, on one
// namespace too.
package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Dir is where named namespaces are.
const Dir = "/run/netns"

// NS is a network namespace. The zero value is the one of the process.
type NS struct{ name string }

// Named returns the namespace of a name, whether it is there or not.
func Named(name string) NS { return NS{name} }

// Name returns the name; "" is the namespace of the process.
func (n NS) Name() string { return n.name }

// Path returns the file of the namespace.
func (n NS) Path() string {
	if n.name == "" {
		return "/proc/thread-self/ns/net"
	}
	return filepath.Join(Dir, n.name)
}

// Create makes a namespace whose loopback is up. The hosts of a test speak
// when they are told to: IPv6, whose router and multicast messages would come
// unasked, is off; Sysctl turns it on.
func Create(name string) (NS, error) {
	n := NS{name}
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return n, fmt.Errorf("create network namespace: %q is no name", name)
	}
	if err := n.create(); err != nil {
		return n, fmt.Errorf("create network namespace %s: %w", name, err)
	}
	if err := n.prepare(); err != nil {
		return n, errors.Join(fmt.Errorf("prepare network namespace %s: %w", name, err), n.Delete())
	}
	return n, nil
}

func (n NS) create() error {
	if err := os.MkdirAll(Dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(n.Path(), os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	done := make(chan error)
	go func() { done <- away(n.keep) }()
	if err := <-done; err != nil {
		return errors.Join(err, os.Remove(n.Path()))
	}
	return nil
}

// keep makes a namespace and mounts it, so that it stays when its only thread
// goes.
func (n NS) keep() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("/proc/thread-self/ns/net", n.Path(), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

func (n NS) prepare() error {
	return errors.Join(
		n.Up("lo"),
		n.Sysctl("net.ipv6.conf.all.disable_ipv6", "1"),
		n.Sysctl("net.ipv6.conf.default.disable_ipv6", "1"),
		n.ping(),
	)
}

// ping lets every group use ping without a raw socket. Namespaces of a user
// know only their own groups.
func (n NS) ping() error {
	if n.Sysctl("net.ipv4.ping_group_range", "0 2147483647") == nil {
		return nil
	}
	return n.Sysctl("net.ipv4.ping_group_range", "0 0")
}

// Delete removes the namespace. The devices in it are removed first, so that
// their peers elsewhere are gone when Delete returns; the kernel takes its time
// with those of a namespace that merely ended. Programs that still run in it
// keep it alive, nameless. Deleting what is not there is no error.
func (n NS) Delete() error {
	if _, err := os.Lstat(n.Path()); n.name == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// A name without a mount, left by a crash, cannot be entered.
	_ = n.Do(removeLinks)
	if err := unix.Unmount(n.Path(), unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("delete network namespace %s: %w", n.name, err)
	}
	if err := os.Remove(n.Path()); err != nil {
		return fmt.Errorf("delete network namespace %s: %w", n.name, err)
	}
	return nil
}

func removeLinks() error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	for _, l := range links {
		switch l.Type() {
		case "veth", "tuntap", "tun", "dummy", "vlan", "macvlan", "bridge", "vxlan":
			err = errors.Join(err, netlink.LinkDel(l))
		}
	}
	return err
}

// Do runs f in the namespace, on a thread of its own.
func (n NS) Do(f func() error) error {
	if n.name == "" {
		return f()
	}
	target, err := os.Open(n.Path())
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", n.name, err)
	}
	defer target.Close()
	done := make(chan error)
	go func() {
		done <- away(func() error {
			if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter network namespace %s: %w", n.name, err)
			}
			return f()
		})
	}()
	return <-done
}

// away runs f, which may change the namespace of its thread, and brings the
// thread back. One that cannot come back stays locked and ends with the
// goroutine; it must not be left to that, because the first thread of a process
// never ends, and with it /proc/self would stay in the wrong namespace.
func away(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open(Named("").Path())
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer home.Close()
	err = f()
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}
