package linecard

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"time"

	"trunkline/internal/cores"
	"trunkline/linecard/pipeline"
)

// WorkerFlags declares the flags of a card's workers. The function that it
// returns takes them into a Config once they are parsed.
func WorkerFlags(fs *flag.FlagSet) func(*Config) error {
	workers := fs.Int("workers", cores.Default(runtime.NumCPU()), "threads that switch frames, 1 to 64")
	var list coreList
	fs.Var(&list, "cores", "processor cores that workers have for themselves, like 1,4-7; one worker each")
	spin := spinTime(pipeline.DefaultSpin)
	fs.Var(&spin, "spin", "how long a worker polls at most before it sleeps: a time, off to save power, or always")
	return func(c *Config) error {
		if *workers < 1 || *workers > cores.MaxList {
			return fmt.Errorf("--workers %d: 1 to %d", *workers, cores.MaxList)
		}
		c.Workers, c.Datapath.Cores, c.Spin = *workers, list, time.Duration(spin)
		return nil
	}
}

// coreList is a list of cores as a flag.
type coreList []int

func (l coreList) String() string { return cores.Format(l) }

// Set implements flag.Value.
func (l *coreList) Set(s string) (err error) {
	*l, err = cores.Parse(s)
	return err
}

// spinTime is a spin time as a flag: 50us, off, always.
type spinTime time.Duration

func (s spinTime) String() string {
	switch time.Duration(s) {
	case pipeline.SpinOff:
		return "off"
	case pipeline.SpinForever:
		return "always"
	}
	return time.Duration(s).String()
}

// maxSpin bounds a spin time beyond which always is meant.
const maxSpin = time.Second

// Set implements flag.Value.
func (s *spinTime) Set(text string) error {
	switch text {
	case "off", "0":
		*s = spinTime(pipeline.SpinOff)
		return nil
	case "always":
		*s = spinTime(pipeline.SpinForever)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxSpin {
		return errors.New("want a time up to 1s, off or always")
	}
	*s = spinTime(d)
	return nil
}
