package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Memory that the DPDK programs take, in huge pages of 2 MiB.
const (
	hugePages = 640
	hugeFile  = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
)

// The virtual machines of the vhost-user measurements are two virtio-user
// ports of one testpmd, whose addresses these are.
var vhostMACs = [2]string{"02:aa:00:00:00:01", "02:bb:00:00:00:02"}

// reserveHuge reserves huge pages; the returned function gives them back.
func reserveHuge() (restore func(), err error) {
	was, err := os.ReadFile(hugeFile)
	if err != nil {
		return nil, fmt.Errorf("huge pages: %w", err)
	}
	if n, _ := strconv.Atoi(strings.TrimSpace(string(was))); n >= hugePages {
		return func() {}, nil
	}
	if err := os.WriteFile(hugeFile, []byte(strconv.Itoa(hugePages)), 0o644); err != nil {
		return nil, fmt.Errorf("reserve huge pages: %w", err)
	}
	return func() { _ = os.WriteFile(hugeFile, was, 0o644) }, nil
}

// listening waits for the sockets of the vhost-user ports.
func (b *bed) listening(ctx context.Context) error {
	return waitFor(ctx, setUp, func() error {
		for _, s := range b.sockets {
			if _, err := os.Stat(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// testpmdUp starts testpmd as the barest switch between two vhost-user ports: what
// comes in by one leaves by the other, nothing is looked up.
func testpmdUp(ctx context.Context, w *world) (*bed, error) {
	dir := filepath.Join(w.dir, "testpmd")
	if err := os.RemoveAll(dir); err != nil { // of an earlier round
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b := &bed{sockets: [2]string{dir + "/vh0", dir + "/vh1"}}
	d, err := w.start("testpmd.log", nil, "dpdk-testpmd",
		"--lcores", fmt.Sprintf("0@%d,1@%d", endpointCPU, switchCPU), "--in-memory", "--no-pci", "-m", "256", "--file-prefix=tlbsw",
		"--vdev=net_vhost0,iface="+b.sockets[0]+",queues=1", "--vdev=net_vhost1,iface="+b.sockets[1]+",queues=1",
		"--", "--nb-cores=1", "--forward-mode=io", "--total-num-mbufs=16384", "--auto-start", "--no-mlockall", "--stats-period=60")
	if err != nil {
		return nil, err
	}
	b.down = d.stop
	if err := b.listening(ctx); err != nil {
		d.stop()
		return nil, fmt.Errorf("%w\n%s", err, tail(filepath.Join(w.dir, "testpmd.log")))
	}
	return b, nil
}

var rxRate = regexp.MustCompile(`Rx-pps:\s+(\d+)`)

var errNothingBack = errors.New("no frame came back")

// drive keeps frames going round between the two ports of a testpmd: what one
// receives it sends out of the other, so that a fixed number is under way in
// each direction and none is lost. It returns the frames the switch forwarded
// per second, both directions together.
func drive(ctx context.Context, b *bed, size int, manyFlows bool, length time.Duration) (float64, error) {
	cpu := strconv.Itoa(endpointCPU)
	args := []string{"--lcores", "0@" + cpu + ",1@" + cpu, "--in-memory", "--single-file-segments", "--no-pci", "-m", "256", "--file-prefix=tlbgen"}
	for i, s := range b.sockets {
		args = append(args, fmt.Sprintf("--vdev=net_virtio_user%d,path=%s,queues=1,queue_size=1024,mac=%s", i, s, vhostMACs[i]))
	}
	args = append(args, "--", "-i", "--nb-cores=1", "--total-num-mbufs=16384", "--txd=1024", "--rxd=1024", "--no-mlockall")
	if manyFlows {
		args = append(args, "--txonly-multi-flow")
	}
	ctx, cancel := context.WithTimeout(ctx, length+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dpdk-testpmd", args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	const (
		bursts = 8 // of 32 frames, in each direction
		settle = 1500 * time.Millisecond
	)
	script := func() error {
		defer in.Close()
		for _, step := range []struct {
			lines string
			wait  time.Duration
		}{
			{fmt.Sprintf("set fwd io\nset txpkts %d\nset burst 32\nset eth-peer 0 %s\nset eth-peer 1 %s\n", size, vhostMACs[1], vhostMACs[0]), time.Second},
			{fmt.Sprintf("start tx_first %d\n", bursts), settle},
			{"show port stats all\n", length},
			{"show port stats all\n", 300 * time.Millisecond},
			{"stop\nquit\n", 0},
		} {
			if _, err := in.Write([]byte(step.lines)); err != nil {
				return fmt.Errorf("drive testpmd: %w", err)
			}
			if err := pause(ctx, step.wait); err != nil {
				return err
			}
		}
		return nil
	}
	err = script()
	if werr := cmd.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("testpmd: %w", werr)
	}
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out.Bytes()[max(0, out.Len()-600):])
	}
	rates := rxRate.FindAllSubmatch(out.Bytes(), -1)
	if len(rates) < 4 {
		return 0, fmt.Errorf("testpmd gave no rates:\n%s", out.Bytes()[max(0, out.Len()-600):])
	}
	sum := 0.0
	for _, r := range rates[len(rates)-2:] { // of the two ports, since the call before
		n, _ := strconv.ParseFloat(string(r[1]), 64)
		sum += n
	}
	if sum == 0 {
		return 0, errNothingBack
	}
	return sum / 1e6, nil
}
