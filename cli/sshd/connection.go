package sshd

import (
	"context"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"trunkline/feature"
)

// connection is a client that has logged in.
type connection struct {
	*Server
	ssh  *ssh.ServerConn
	who  feature.Identity
	from string

	mu       sync.Mutex
	sessions map[*session]bool // that run
}

// serve serves sessions until the connection ends.
func (c *connection) serve(ctx context.Context, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer c.ssh.Close()
	defer cancel()
	serving.Go(func() { ssh.DiscardRequests(requests) })
	serving.Go(func() { c.keepalive(ctx) })
	free := make(chan struct{}, c.limits.Channels)
	for asked := range channels {
		if asked.ChannelType() != "session" {
			_ = asked.Reject(ssh.Prohibited, "not allowed") // the loop sees the end
			continue
		}
		select {
		case free <- struct{}{}:
		default:
			_ = asked.Reject(ssh.ResourceShortage, "too many sessions") // likewise
			continue
		}
		channel, requests, err := asked.Accept()
		if err != nil {
			<-free
			continue
		}
		serving.Go(func() {
			defer func() { <-free }()
			s := &session{connection: c, channel: channel, resized: make(chan struct{}, 1)}
			s.serve(ctx, requests)
		})
	}
}

// keepalive closes the connection when the client does not answer.
func (c *connection) keepalive(ctx context.Context) {
	tick := time.NewTicker(c.limits.Keepalive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		late := time.AfterFunc(c.limits.Answer, func() { c.ssh.Close() })
		_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}
