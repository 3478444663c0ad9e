// What service discovery finds, as values: Kubernetes objects, files, HTTP and DNS answers in; target groups out.
//
// The labels are those of Prometheus, name by name, as relabel rules are written against them. Labels with an empty value
// are left out: Prometheus takes them for absent as well.
