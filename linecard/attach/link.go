package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"trunkline/internal/ether"
	"trunkline/linecard/port/inns"
)

// link is what the manager looks at of a network device.
type link struct {
	name      string
	index     int
	alias     string
	alt       []string
	mtu       int
	mac       ether.MAC
	permanent bool // mac is the address burnt in
	ethernet  bool
}

// dump lists the devices of a namespace by name.
func dump(h *netlink.Handle) (map[string]link, error) {
	list, err := h.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list links: %w", err)
	}
	links := make(map[string]link, len(list))
	for _, l := range list {
		a := l.Attrs()
		k := link{
			name: a.Name, index: a.Index, alias: a.Alias, alt: a.AltNames, mtu: a.MTU,
			ethernet: a.EncapType == "ether",
		}
		switch {
		case len(a.PermHWAddr) == len(k.mac):
			k.mac, k.permanent = ether.MAC(a.PermHWAddr), true
		case len(a.HardwareAddr) == len(k.mac):
			k.mac = ether.MAC(a.HardwareAddr)
		}
		links[k.name] = k
	}
	return links, nil
}

// handleAt opens a netlink handle in a namespace.
func handleAt(namespace string) (*netlink.Handle, error) {
	if namespace == "" {
		h, err := netlink.NewHandle()
		if err != nil {
			return nil, fmt.Errorf("open netlink: %w", err)
		}
		return h, nil
	}
	ns, err := netns.GetFromPath(inns.Path(namespace))
	if err != nil {
		return nil, fmt.Errorf("open network namespace %s: %w", namespace, err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return nil, fmt.Errorf("open netlink in %s: %w", namespace, err)
	}
	return h, nil
}

// watcher turns netlink messages about links into hints.
type watcher struct {
	changed chan struct{} // capacity 1
	done    sync.WaitGroup
}

// watch follows the links of a namespace until ctx ends. A broken subscription
// is renewed; the manager's own refresh covers the gap.
func watch(ctx context.Context, namespace string, log *slog.Logger) *watcher {
	w := &watcher{changed: make(chan struct{}, 1)}
	w.done.Go(func() {
		for ctx.Err() == nil {
			if err := w.follow(ctx, namespace); err != nil {
				log.Warn("follow network devices", "error", err)
			}
			w.hint()
			select {
			case <-ctx.Done():
			case <-time.After(refresh):
			}
		}
	})
	return w
}

func (w *watcher) wait() { w.done.Wait() }

func (w *watcher) hint() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// follow reads one subscription to its end.
func (w *watcher) follow(ctx context.Context, namespace string) error {
	updates, stop := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	o := netlink.LinkSubscribeOptions{
		ErrorCallback: func(error) {}, // the channel is closed on errors that matter
	}
	if namespace != "" {
		ns, err := netns.GetFromPath(inns.Path(namespace))
		if err != nil {
			return fmt.Errorf("open network namespace %s: %w", namespace, err)
		}
		defer ns.Close()
		o.Namespace = &ns
	}
	if err := netlink.LinkSubscribeWithOptions(updates, stop, o); err != nil {
		return fmt.Errorf("subscribe to links: %w", err)
	}
	w.hint() // what happened before the subscription
	for {
		select {
		case <-ctx.Done():
			close(stop)
			for range updates { // until the reader has ended
			}
			return nil
		case _, ok := <-updates:
			if !ok {
				close(stop)
				return nil
			}
			w.hint()
		}
	}
}
