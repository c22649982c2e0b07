// Package isolate gives a program a private world: network, mount and process
// namespaces of its own, and a user namespace when it is not root. What it
// makes in there (namespaces, devices, mounts, files below /run) vanishes with
// it, however it ends.
//
//	parent                          child, process 1 of its world
//	------                          -----------------------------
//	starts itself once more   ──▶   mounts /proc, /sys and an empty /run
//	passes signals on               runs the program
//	waits, returns the status ◀──   ends; the kernel ends everything in it
//
// The child is killed when the parent ends, by the kernel (parent death signal)
// and by itself (a pipe that only the parent holds open). As the child is
// process 1, the kernel then kills all others of its world.
//
// On a terminal the child is a process group of its own in the foreground, so
// Ctrl-C reaches the child only; the parent takes the terminal back in the end.
// A signal sent to the parent is passed on once.
package isolate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// variable tells the child that it is one, and where its end of the pipe is.
const variable = "TRUNKLINE_ISOLATED"

// lifeline is the descriptor of the pipe in the child.
const lifeline = 3

// Enter puts the process into a private world. It returns twice, in two
// processes: in the child with inside true, ready to go on as process 1; in the
// parent, when the child has ended, with its exit status (128 and the number of
// the signal that killed it). An error means that there is no world; it says
// what this machine lacks.
//
// Call it first in main, before there are goroutines that hold something the
// child would inherit. args are those of the child, without the program.
func Enter(args []string) (inside bool, exit int, err error) {
	if os.Getpid() == 1 && os.Getenv(variable) == strconv.Itoa(lifeline) {
		if err := settle(); err != nil {
			return false, 1, err
		}
		return true, 0, nil
	}
	exit, err = parent(args)
	return false, exit, err
}

// Possible says why there can be no private world; nil if there can.
func Possible() error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = namespaces()
	return explain(cmd.Run())
}

func namespaces() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC}
	if !privileged() {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return a
}

// privileged reports whether namespaces need no user namespace around them.
func privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if os.Geteuid() != 0 || unix.Capget(&header, &data[0]) != nil {
		return false
	}
	const need = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return data[0].Effective&need == need
}

func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return fmt.Errorf("this machine does not let user %d make namespaces (%w): run as root, or look at the sysctls "+
			"user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns", os.Geteuid(), err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("this kernel has no user, process or network namespaces: %w", err)
	}
	return err
}

func parent(args []string) (int, error) {
	// The parent death signal comes when the thread that forked ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	hold, release, err := os.Pipe()
	if err != nil {
		return 1, fmt.Errorf("make the lifeline: %w", err)
	}
	defer release.Close()
	// By its path the program may be out of the user's reach, or be replaced.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{hold}
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(lifeline))
	cmd.SysProcAttr = namespaces()
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	cmd.SysProcAttr.Setpgid = true
	tty := foreground()
	if tty >= 0 {
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, tty
		// A group in the background may then hand the terminal over, and back.
		signal.Ignore(unix.SIGTTOU)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)
	err = cmd.Start()
	hold.Close()
	if err != nil {
		return 1, explain(err)
	}
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case sig := <-signals:
				_ = cmd.Process.Signal(sig) // it may have ended
			case <-ended:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-stopped
	if tty >= 0 {
		_ = unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, unix.Getpgrp()) // the terminal may be gone
		signal.Reset(unix.SIGTTOU)
	}
	var status *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &status):
		return 1, fmt.Errorf("wait for the private world: %w", err)
	}
	if w, ok := status.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal()), nil
	}
	return status.ExitCode(), nil
}

// foreground returns the descriptor of the terminal if this process is in its
// foreground, else -1.
func foreground() int {
	const stdin = 0
	group, err := unix.IoctlGetInt(stdin, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return -1
	}
	return stdin
}

// settle makes the child's world habitable.
func settle() error {
	if err := os.Unsetenv(variable); err != nil {
		return fmt.Errorf("forget %s: %w", variable, err)
	}
	unix.CloseOnExec(lifeline)
	go func() {
		// Nobody writes: this returns when the parent has ended.
		_, _ = os.NewFile(lifeline, "lifeline").Read(make([]byte, 1))
		os.Exit(1)
	}()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return explain(fmt.Errorf("make mounts private: %w", err))
	}
	// A container may hide parts of these two; its own then serve as well.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	_ = unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=256m"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("this machine has no directory /run: %w", err)
		}
		return explain(fmt.Errorf("mount an empty /run: %w", err))
	}
	return up("lo")
}
