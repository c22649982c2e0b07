package supervisor

import (
	"trunkline/feature/dns"
	"trunkline/feature/logging"
)

// serve tells the services of the switch itself what configuration wants of them.
func (s *Supervisor) serve() {
	t := s.config.Running().Tree
	s.names.Set(dns.Read(t))
	s.syslog.Set(logging.Read(t).Servers)
}

// maxCertificates is the size of a file of certificates, in bytes.
const maxCertificates = 1 << 20

// certificates reads a file of certificates from the switch's file systems.
func (s *Supervisor) certificates(name string) ([]byte, error) {
	return s.files.Read(name, maxCertificates)
}
