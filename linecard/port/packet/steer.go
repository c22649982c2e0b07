package packet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/inns"
)

// A veth hands its frames over on the CPU of the sender. A TCP sender that moves
// to another CPU, or sends from an interrupt on one and from its process on
// another, so overtakes itself between its end and ours: super-frames arrive out
// of order, and each time TCP sends some again for nothing. Receive packet
// steering (RPS) to one CPU keeps them in order. It costs small frames half of
// their rate when that CPU is the worker's, so it is on only while there is bulk
// TCP, and off as soon as a flood of small frames begins.

// steering is the setting of one device, in /sys of its namespace.
type steering struct {
	sys   *os.File // root of sysfs; nil where it cannot be had
	files []string // rps_cpus of the receive queues
	was   []string // what they were; nil while nothing is steered
	quiet int      // looks without bulk in a row
}

// Thresholds of wants, in frames between two looks.
const (
	bulkLong   = 500    // long frames
	longShare  = 8      // one of so many frames is long
	smallFlood = 20_000 // frames
	pause      = 10     // looks without bulk after which it is over
	smallRow   = 8192   // frames without a long one among them, a flood for now
)

// wants returns whether frames should be steered, after so many have arrived, some
// of them long.
func (s *steering) wants(arrived, long uint64) bool {
	if long >= bulkLong && long >= arrived/longShare {
		s.quiet = 0
		return true
	}
	s.quiet++
	return s.was != nil && s.quiet < pause && (arrived < smallFlood || long >= arrived/longShare)
}

// flooded looks for a flood of small frames in what the worker has received: it is
// not to be slow until the next look.
func (q *queue) flooded(b *frame.Batch) {
	q.small += b.N
	for i := range b.N {
		if len(b.Frames[i].Tail) > 0 {
			q.small = 0
			return
		}
	}
	if q.small >= smallRow && q.port.steered.Swap(false) {
		q.small = 0
		if q.port.config.Look != nil {
			q.port.config.Look()
		}
	}
}

// steer turns the steering of the port's frames on or off, after such traffic.
// Where it cannot be had, that is said once. Called with mu held.
func (p *Port) steer(since arrivals) (err error) {
	if p.kind != "veth" {
		return nil
	}
	if p.steering == nil {
		if !(&steering{}).wants(since.arrived, since.long) {
			return nil
		}
		if p.steering, err = openSteering(p.config.Namespace, p.config.Device, p.index); err != nil {
			p.steering = &steering{}
			return fmt.Errorf("steer frames of %s: %w", p.config.Device, err)
		}
	}
	s := p.steering
	want := s.wants(since.arrived, since.long)
	if s.was != nil && !p.steered.Load() { // a flood has begun
		want = false
	}
	defer func() { p.steered.Store(s.was != nil) }()
	switch {
	case len(s.files) == 0:
	case want && s.was == nil:
		err = s.set(someCPU(p.index))
	case !want && s.was != nil:
		err = s.restore()
	}
	if err != nil {
		err = fmt.Errorf("steer frames of %s: %w", p.config.Device, err)
	}
	return err
}

// openSteering finds the setting of a device. A sysfs of one's own shows the
// devices of the namespace that it was made in, and is writable also where /sys is
// not.
func openSteering(namespace, device string, index int) (*steering, error) {
	s := &steering{}
	err := inns.Do(namespace, func() error {
		fs, err := unix.Fsopen("sysfs", unix.FSOPEN_CLOEXEC)
		if err != nil {
			return err
		}
		err = unix.FsconfigCreate(fs)
		if err == nil {
			var root int
			if root, err = unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0); err == nil {
				s.sys = os.NewFile(uintptr(root), "sysfs")
			}
		}
		return errors.Join(err, unix.Close(fs))
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open sysfs: %w", err), s.close())
	}
	dir := "class/net/" + device
	if have, err := s.read(dir + "/ifindex"); err != nil || have != strconv.Itoa(index) {
		return nil, errors.Join(fmt.Errorf("find %s in sysfs: index %q, want %d", device, have, index), err, s.close())
	}
	for i := 0; ; i++ {
		file := fmt.Sprintf("%s/queues/rx-%d/rps_cpus", dir, i)
		if _, err := s.read(file); err != nil {
			break
		}
		s.files = append(s.files, file)
	}
	return s, nil
}

// at calls f with an open file of sysfs.
func (s *steering) at(name string, flags int, f func(fd int) error) error {
	fd, err := unix.Openat(int(s.sys.Fd()), name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	return errors.Join(f(fd), unix.Close(fd))
}

func (s *steering) read(name string) (text string, err error) {
	err = s.at(name, unix.O_RDONLY, func(fd int) error {
		var b [4096]byte
		n, err := unix.Read(fd, b[:])
		text = string(bytes.TrimSpace(b[:max(n, 0)]))
		return err
	})
	return text, err
}

func (s *steering) write(name, text string) error {
	return s.at(name, unix.O_WRONLY, func(fd int) error {
		_, err := unix.Write(fd, []byte(text))
		return err
	})
}

// set steers to a CPU.
func (s *steering) set(cpu int) error {
	for _, file := range s.files {
		was, err := s.read(file)
		if err == nil {
			err = s.write(file, mask(cpu))
		}
		if err != nil {
			return errors.Join(err, s.restore())
		}
		s.was = append(s.was, was)
	}
	return nil
}

// restore leaves the device as it was found.
func (s *steering) restore() error {
	var errs []error
	for i, was := range s.was {
		errs = append(errs, s.write(s.files[i], was))
	}
	s.was = nil
	return errors.Join(errs...)
}

// close restores the device, too. It may have gone: then there is nothing to do.
func (s *steering) close() error {
	if s == nil || s.sys == nil {
		return nil
	}
	_ = s.restore()
	return s.sys.Close()
}

// mask is a set of one CPU in the words of sysfs: 32 bits each in hexadecimal, the
// highest first.
func mask(cpu int) string {
	return strconv.FormatUint(1<<(cpu%32), 16) + strings.Repeat(",00000000", cpu/32)
}

// someCPU returns one of the CPUs that the process may use, another one for the
// next number.
func someCPU(number int) int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil || set.Count() == 0 {
		return 0
	}
	for n, cpu := number%set.Count(), 0; ; cpu++ {
		if set.IsSet(cpu) {
			if n == 0 {
				return cpu
			}
			n--
		}
	}
}
