// Package innstest gives tests network namespaces that nobody else can see: they
// have no name, live as long as the test and need no cleaning up after a crash.
package innstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/inns"
)

// New makes a namespace and returns its path, valid in this process only. It
// skips the test where namespaces cannot be made.
func New(t testing.TB) string {
	t.Helper()
	type result struct {
		file *os.File
		err  error
	}
	made := make(chan result)
	go func() {
		f, err := unshared()
		made <- result{f, err}
	}()
	r := <-made
	if r.err != nil {
		t.Skipf("needs a network namespace of its own: %v", r.err)
	}
	t.Cleanup(func() { _ = r.file.Close() })
	path := fmt.Sprintf("/proc/self/fd/%d", r.file.Fd())
	// Keep address resolution and duplicate detection of IPv6 out of the tests.
	if out, err := Try(path, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up"); err != nil {
		t.Skipf("needs a namespace that can be configured: %v %s", err, out)
	}
	return path
}

// unshared opens a new namespace. The thread goes back to where it was: it may
// be the first of the process, whose namespace others take for the process's. If
// it cannot, it stays locked and ends with the goroutine.
func unshared() (*os.File, error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err == nil {
		defer home.Close()
		err = unix.Unshare(unix.CLONE_NEWNET)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	f, err := os.Open("/proc/thread-self/ns/net")
	if e := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); e != nil {
		return f, errors.Join(err, e)
	}
	runtime.UnlockOSThread()
	return f, err
}

// TUN skips the test where the TUN device cannot be opened.
func TUN(t testing.TB) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs the TUN device: %v", err)
	}
	_ = unix.Close(fd)
}

// Try runs a program in a namespace and returns its output.
func Try(namespace, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	err := inns.Do(namespace, c.Start)
	if err == nil {
		err = c.Wait()
	}
	return out.String(), err
}

// Run is Try for programs that must succeed.
func Run(t testing.TB, namespace, name string, args ...string) string {
	t.Helper()
	out, err := Try(namespace, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// IP runs `ip` with the words of line.
func IP(t testing.TB, namespace, line string) {
	t.Helper()
	Run(t, namespace, "ip", strings.Fields(line)...)
}

// Ping fails the test unless five echo requests are answered within five
// seconds. It uses a deadline: without one, ping waits for the last answer for
// two round trips only, which is too short on a busy machine.
func Ping(t testing.TB, namespace, address string) {
	t.Helper()
	if out, err := Try(namespace, "ping", "-c", "5", "-i", "0.01", "-w", "5", address); err != nil {
		t.Errorf("ping %s: %v\n%s", address, err, out)
	}
}

// outside is the path of a namespace for other processes: it has no name, ip
// finds it in this process.
func outside(namespace string) string {
	return strings.Replace(namespace, "/proc/self/", fmt.Sprintf("/proc/%d/", os.Getpid()), 1)
}

// Give moves a device from one namespace to another under a new name.
func Give(t testing.TB, from, device, to, name string) {
	t.Helper()
	IP(t, from, fmt.Sprintf("link set %s netns %s name %s", device, outside(to), name))
}

// Veth makes a veth between two namespaces, both ends up.
func Veth(t testing.TB, a, nameA, b, nameB string) {
	t.Helper()
	IP(t, a, fmt.Sprintf("link add %s type veth peer name %s netns %s", nameA, nameB, outside(b)))
	IP(t, a, "link set "+nameA+" up")
	IP(t, b, "link set "+nameB+" up")
}
