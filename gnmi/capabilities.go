package gnmi

import (
	"context"
	"slices"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"trunkline/config/schema"
	"trunkline/internal/version"
)

// served lists the modules that the table serves, with the versions of the
// published models it was written after.
func served() []*pb.ModelData {
	const group = "OpenConfig working group"
	return []*pb.ModelData{
		{Name: "openconfig-if-ethernet", Organization: group, Version: "2.14.0"},
		{Name: "openconfig-interfaces", Organization: group, Version: "3.8.0"},
		{Name: "openconfig-network-instance", Organization: group, Version: "4.7.0"},
		{Name: "openconfig-platform", Organization: group, Version: "0.32.0"},
		{Name: "openconfig-platform-linecard", Organization: group, Version: "1.2.0"},
		{Name: "openconfig-system", Organization: group, Version: "3.1.0"},
		{Name: "openconfig-vlan", Organization: group, Version: "3.2.2"},
		{Name: schema.Module, Organization: "Trunkline", Version: version.String},
	}
}

func (s *Server) hasModule(name string) bool {
	return slices.ContainsFunc(served(), func(m *pb.ModelData) bool { return m.GetName() == name })
}

// Capabilities implements the gNMI service (gNMI specification §3.2).
func (s *Server) Capabilities(_ context.Context, r *pb.CapabilityRequest) (*pb.CapabilityResponse, error) {
	if _, err := extensions(r.GetExtension(), onGet); err != nil {
		return nil, err
	}
	options := pb.File_github_com_openconfig_gnmi_proto_gnmi_gnmi_proto.Options().(*descriptorpb.FileOptions)
	v, ok := proto.GetExtension(options, pb.E_GnmiService).(string)
	if !ok || v == "" {
		return nil, status.Error(codes.Internal, "the service has no version")
	}
	return &pb.CapabilityResponse{SupportedModels: served(), SupportedEncodings: encodings, GNMIVersion: v}, nil
}
