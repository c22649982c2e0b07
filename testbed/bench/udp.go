package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// echoUDP returns every datagram to its sender until the context ends.
func echoUDP(ctx context.Context, addr string) error {
	c, err := net.ListenPacket("udp4", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if _, err := c.WriteTo(buf[:n], from); err != nil {
			return err
		}
	}
}

// askUDP sends 64-byte datagrams one at a time and prints the median and the
// 99th percentile of the round trips in microseconds. A lost one is asked
// again after 200 ms and does not count.
func askUDP(ctx context.Context, addr string, length time.Duration) error {
	c, err := net.Dial("udp4", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	var trips []time.Duration
	buf := make([]byte, 64)
	for end := time.Now().Add(length); time.Now().Before(end) && ctx.Err() == nil; {
		start := time.Now()
		if _, err := c.Write(buf); err != nil {
			time.Sleep(time.Millisecond) // the server is not listening yet
			continue
		}
		_ = c.SetReadDeadline(start.Add(200 * time.Millisecond))
		if _, err := c.Read(buf); err == nil {
			trips = append(trips, time.Since(start))
		}
	}
	if len(trips) < 100 {
		return fmt.Errorf("only %d round trips in %v", len(trips), length)
	}
	slices.Sort(trips)
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	fmt.Printf("%.1f %.1f\n", us(trips[len(trips)/2]), us(trips[len(trips)*99/100]))
	return nil
}
