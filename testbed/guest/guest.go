// Package guest runs small virtual machines, real Linux with real virtio drivers,
// as clients of a line card: on a vhost-user port, or on a TAP that a card
// attaches as a device.
//
//	test ── Run ──> unix socket ── ttyS1 ──> shell of the guest
//	     ── Monitor ──> unix socket ── QMP ──> QEMU
//	guest's eth0 ── virtio-net ──┬── vhost-user socket ── card
//	                             └── TAP ── AF_PACKET ── card
//
// The image is made at each run from the kernel package that .ci/deps has
// fetched and from busybox (image.go). QEMU emulates the processor: KVM is not
// used even where the device can be opened, since nested it may not work. With
// emulation, QEMU 7.2 crashes on MSI-X with vhost-user; so vectors are off.
//
// A machine takes 220 MB and 4 to 10 s to boot on a quiet host. Every wait ends
// with its context. The methods of a Guest may be called concurrently; commands
// run one after the other.
package guest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline/testbed/netns"
)

// Config describes a machine.
type Config struct {
	Name    string   // unique in Dir
	Dir     string   // of its sockets and logs, which exists; short, since sockets lie in it
	NS      netns.NS // QEMU runs in it: the TAP's
	Image   Image
	Socket  string // of a vhost-user port, to which QEMU connects; or
	TAP     string // the device of NS that it opens, made with vnet_hdr
	MAC     string
	Address string // with prefix length, that eth0 is given; "" for none
	// Incoming says that the machine does not boot, but is one that migrates here.
	Incoming bool
}

// Guest is a running machine.
type Guest struct {
	c    Config
	cmd  *exec.Cmd
	done chan struct{} // closed when QEMU has ended

	mu       sync.Mutex // guards what follows
	shell    net.Conn   // nil until the first command
	lines    *bufio.Reader
	commands int
}

// Find reports what a run needs and is not installed here.
func Find() error {
	for _, p := range []string{emulator, "busybox", "dpkg-deb"} {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("no guest: %w", err)
		}
	}
	_, err := kernelPackage()
	return err
}

const emulator = "qemu-system-x86_64"

// Start starts a machine; Ready waits until it has booted.
func Start(c Config) (*Guest, error) {
	g := &Guest{c: c, done: make(chan struct{})}
	log, err := os.Create(g.file("qemu"))
	if err != nil {
		return nil, fmt.Errorf("start guest %s: %w", c.Name, err)
	}
	defer log.Close()
	g.cmd = exec.Command(emulator, g.args()...)
	g.cmd.Stdout, g.cmd.Stderr = log, log
	if err := c.NS.Start(g.cmd); err != nil {
		return nil, fmt.Errorf("start guest %s: %w", c.Name, err)
	}
	go func() {
		_ = g.cmd.Wait() // Log has what it said
		close(g.done)
	}()
	return g, nil
}

// memory is that of a machine, in MiB.
const memory = 96

func (g *Guest) args() []string {
	c := g.c
	words := "console=ttyS0 quiet panic=-1 vm.name=" + c.Name
	if c.Address != "" {
		words += " vm.ip=" + c.Address
	}
	size := strconv.Itoa(memory)
	a := []string{
		"-name", c.Name, "-nodefaults", "-no-user-config", "-display", "none",
		"-M", "q35,memory-backend=mem", "-object", "memory-backend-memfd,id=mem,size=" + size + "M,share=on",
		"-accel", "tcg,tb-size=64", "-cpu", "max", "-m", size, "-smp", "1",
		"-kernel", c.Image.Kernel, "-initrd", c.Image.Initrd, "-append", words,
		"-serial", "file:" + g.file("console"),
		"-chardev", "socket,id=shell,server=on,wait=off,path=" + g.file("shell"), "-serial", "chardev:shell",
		"-qmp", "unix:" + g.file("qmp") + ",server=on,wait=off",
	}
	nic := "virtio-net-pci,netdev=n0,romfile=,mac=" + c.MAC
	if c.TAP != "" {
		a = append(a, "-netdev", "tap,id=n0,script=no,downscript=no,vhost=off,ifname="+c.TAP)
	} else {
		a = append(a, "-chardev", "socket,id=vh,reconnect=1,path="+c.Socket, "-netdev", "vhost-user,id=n0,chardev=vh")
		nic += ",vectors=0"
	}
	a = append(a, "-device", nic)
	if c.Incoming {
		a = append(a, "-incoming", "unix:"+g.file("incoming"))
	}
	return a
}

func (g *Guest) file(what string) string { return filepath.Join(g.c.Dir, g.c.Name+"."+what) }

// Ready waits until the machine has booted.
func (g *Guest) Ready(ctx context.Context) error {
	err := g.poll(ctx, func() error {
		b, err := os.ReadFile(g.file("console"))
		if err == nil && !strings.Contains(string(b), ready) {
			err = errors.New("it says nothing of it")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("boot guest %s: %w\n%s", g.c.Name, err, g.Log())
	}
	return nil
}

// poll tries until it works, the machine ends, or ctx does.
func (g *Guest) poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-g.done:
			return errors.Join(errors.New("qemu has ended"), err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Run runs a line of shell in the guest and returns what it printed. A status
// other than 0 is an error.
func (g *Guest) Run(ctx context.Context, line string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	out, err := g.run(ctx, line)
	if err != nil {
		return out, fmt.Errorf("guest %s: %s: %w", g.c.Name, line, err)
	}
	return out, nil
}

func (g *Guest) run(ctx context.Context, line string) (string, error) {
	if g.shell == nil {
		err := g.poll(ctx, func() (err error) {
			g.shell, err = net.Dial("unix", g.file("shell"))
			return err
		})
		if err != nil {
			return "", err
		}
		g.lines = bufio.NewReader(g.shell)
	}
	// A cancelled command leaves its output behind: the connection is not used
	// again, and the marks of another say what is its own.
	whole := false
	defer func() {
		if !whole {
			g.shell.Close()
			g.shell = nil
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = g.shell.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	g.commands++
	mark := fmt.Sprintf("%d.%d", os.Getpid(), g.commands)
	// The marks are split, so that a terminal that echoes does not make them.
	quoted := "'" + strings.NewReplacer("'", `'\''`, "\n", "; ").Replace(line) + "'"
	if _, err := fmt.Fprintf(g.shell, "echo BE''GIN-%[1]s; eval %[2]s 2>&1; echo EN''D-%[1]s-$?\n", mark, quoted); err != nil {
		return "", errors.Join(ctx.Err(), err)
	}
	var out strings.Builder
	for begun := false; ; {
		text, err := g.lines.ReadString('\n')
		if err != nil {
			return out.String(), errors.Join(ctx.Err(), err)
		}
		text = strings.ReplaceAll(text, "\r\n", "\n")
		before, status, ended := strings.Cut(text, "END-"+mark+"-")
		switch {
		case !begun:
			begun = strings.HasSuffix(text, "BEGIN-"+mark+"\n")
		case ended:
			out.WriteString(before)
			whole = true
			if status = strings.TrimSpace(status); status != "0" {
				return out.String(), fmt.Errorf("status %s: %s", status, strings.TrimSpace(out.String()))
			}
			return out.String(), nil
		case out.Len()+len(text) > maxOutput:
			return out.String(), fmt.Errorf("more than %d bytes of output", maxOutput)
		default:
			out.WriteString(text)
		}
	}
}

// maxOutput bounds what a command may print.
const maxOutput = 1 << 20

// Log returns what QEMU and the guest's console have said.
func (g *Guest) Log() string {
	var all []string
	for _, what := range []string{"qemu", "console"} {
		b, err := os.ReadFile(g.file(what))
		if err == nil {
			all = append(all, fmt.Sprintf("%s of %s:\n%s", what, g.c.Name, b[max(0, len(b)-2000):]))
		}
	}
	return strings.Join(all, "\n")
}

// Running reports whether QEMU runs.
func (g *Guest) Running() bool {
	select {
	case <-g.done:
		return false
	default:
		return true
	}
}

// Stop ends the machine as pulling its plug does. Stopping it again does nothing.
func (g *Guest) Stop() {
	_ = g.cmd.Process.Kill()
	<-g.done
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shell != nil {
		g.shell.Close()
		g.shell = nil
	}
}
