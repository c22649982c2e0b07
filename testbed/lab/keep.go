package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	vns "github.com/vishvananda/netns"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"trunkline/testbed/netns"
	"trunkline/testbed/netns/isolate"
)

// appear bounds how long a host's interface may take to appear.
const appear = 5 * time.Second

// Keep gives each host's interface its address and sets it up, now and whenever
// it appears again, until ctx ends. What somebody changes on an interface
// afterwards stays. As process 1 it also collects programs in hosts that were
// left by those who started them.
func (w *World) Keep(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if os.Getpid() == 1 {
		g.Go(func() error {
			isolate.Reap(ctx)
			return nil
		})
	}
	for _, h := range w.spec.Hosts {
		g.Go(func() error {
			return w.watch(ctx, h, func(error) bool { return false })
		})
	}
	return g.Wait()
}

// Configure waits until the interface of a host is there and has given it its
// address: 5 s at most.
func (w *World) Configure(ctx context.Context, name string) error {
	h, err := w.lookup(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, appear)
	defer cancel()
	var last error
	done := false
	err = w.watch(ctx, h, func(err error) bool {
		last, done = err, err == nil
		return done
	})
	switch {
	case done:
		return nil
	case err == nil:
		err = ctx.Err()
	}
	return fmt.Errorf("lab: %s of host %s did not come up: %w", w.spec.Interface, h.Name, errors.Join(err, last))
}

// configure gives a host's interface its address and sets it up. It returns
// the index of the interface.
func (w *World) configure(h Host) (index int, err error) {
	n := netns.Named(h.Name)
	err = n.Do(func() error {
		l, err := netlink.LinkByName(w.spec.Interface)
		if err == nil {
			index = l.Attrs().Index
		}
		return err
	})
	if err == nil {
		err = n.Address(w.spec.Interface, h.Address)
	}
	if err == nil {
		err = n.Up(w.spec.Interface)
	}
	return index, err
}

// watch configures a host's interface at once and whenever another one has its
// name, and calls f with the result each time. It ends when f returns true or
// ctx ends.
func (w *World) watch(ctx context.Context, h Host, f func(error) bool) error {
	at, err := vns.GetFromPath(netns.Named(h.Name).Path())
	if err != nil {
		return fmt.Errorf("lab: host %s: %w", h.Name, err)
	}
	defer at.Close()
	// Closing stop ends the subscription; its goroutine then closes updates.
	updates, stop := make(chan netlink.LinkUpdate), make(chan struct{})
	err = netlink.LinkSubscribeWithOptions(updates, stop, netlink.LinkSubscribeOptions{Namespace: &at})
	if err != nil {
		return fmt.Errorf("lab: watch host %s: %w", h.Name, err)
	}
	defer func() {
		close(stop)
		for range updates {
		}
	}()
	known := 0 // index of the interface that was configured
	for look := true; ; {
		if look {
			index, err := w.configure(h)
			if err == nil {
				known = index
			}
			if f(err) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case u, ok := <-updates:
			if !ok {
				return fmt.Errorf("lab: watching host %s ended", h.Name)
			}
			index := int(u.Index)
			removed := u.Header.Type == unix.RTM_DELLINK
			if removed && index == known {
				known = 0
			}
			look = !removed && index != known && u.Attrs().Name == w.spec.Interface
		}
	}
}
