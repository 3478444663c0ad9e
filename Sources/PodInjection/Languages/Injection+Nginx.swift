import JSONTree
import KubeModel
import TelemetryAPI

extension EnvironmentName {
    fileprivate static let nginxDirectives: EnvironmentName = "OTEL_NGINX_AGENT_CONF"
    fileprivate static let nginxInstanceID: EnvironmentName = "OTEL_NGINX_SERVICE_INSTANCE_ID"
    fileprivate static let libraryPath: EnvironmentName = "LD_LIBRARY_PATH"
}

// Specification section 7.8.
extension Injection {
    mutating func injectNginx(_ request: Request) {
        // Both would copy their configuration with a container of the same name (sharp edge 31).
        if self.draft.initContainers.contains(InjectedName.apacheAttach) {
            return self.refuse(
                request,
                .languageConflict,
                "Apache HTTPD and nginx cannot be injected into the same pod: ask for one of them"
            )
        }
        let language = request.settings.language
        let file = language.configFile.isEmpty ? "/etc/nginx/nginx.conf" : language.configFile
        let (directory, name) = Self.split(file)
        let server = WebServer(
            attachName: InjectedName.nginxAttach,
            confVolume: "otel-nginx-conf-dir",
            agentVolume: "otel-nginx-agent",
            directory: directory,
            attachArgument: name,
            attachScript: nginxAttachScript,
            directivesName: .nginxDirectives,
            instanceIDName: .nginxInstanceID,
            cloneCommand: ["/bin/sh", "-c"],
            cloneArguments: [nginxCloneScript, "--", directory]
        )
        if self.refuseTakenNames([InjectedName.agentSourceClone, server.attachName], request) { return }
        let targets = self.webServerTargets(request)
        for place in targets {
            self.draft[place].environment.appendIfAbsent(request.settings.languageEnvironment)
            if !self.draft.initContainers.contains(InjectedName.agentSourceClone) {
                self.addClone(server, place, confVolume: Volume(server.confVolume, "emptyDir").json, request)
            }
            if !self.draft.initContainers.contains(server.attachName) {
                let directives = self.directives(
                    "Nginx",
                    separator: " ",
                    terminator: ";",
                    resolve: "ON",
                    serviceNamespace: "nginx",
                    of: self.draft[place],
                    request
                )
                self.addAttach(
                    server,
                    agentVolume: Volume(server.agentVolume, "emptyDir").json,
                    directives: directives,
                    request
                )
                self.setSecurityContext(server, of: place, request)
                self.addLibraryPath(place, request)
            }
            self.addCommonEnvironment(to: place, request.settings)
            self.addSDKEnvironment(to: place, describing: place, request)
        }
        if !targets.isEmpty { self.record(request, injected: targets.map { self.draft[$0].name }) }
    }

    private mutating func addLibraryPath(_ place: PodDraft.ContainerPlace, _ request: Request) {
        let library = "\(WebServer.agentPath)/sdk_lib/lib"
        guard let index = self.draft[place].environment.place(of: .libraryPath) else {
            return self.draft[place].environment.append(.libraryPath, library)
        }
        let entry = self.draft[place].environment.entries[index]
        if entry.isReference {
            let name = self.draft[place].name
            return self.refuse(
                request,
                .envFromConflict,
                "container \(name) takes LD_LIBRARY_PATH from elsewhere (valueFrom), so \(library) is not added to it: give it "
                    + "as a plain value",
                container: name
            )
        }
        self.draft[place].environment.setValue(at: index, entry.value.isEmpty ? library : "\(entry.value):\(library)")
    }

    /// Directory and base name of a path.
    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let directory = String(path[..<slash])
        return (directory.isEmpty ? "/" : directory, String(path[path.utf8.index(after: slash)...]))
    }
}

/// `$1` is the directory of the configuration; a mounted ConfigMap's files are links into a hidden folder in it. Which
/// module fits depends on the version that runs in this image, of which distributions say more: `1.24.0 (Ubuntu)`.
///
/// The agent is attached by another user, perhaps, who reads the main file and adds one to conf.d.
private let nginxCloneScript = """
    set -e
    conf=/opt/opentelemetry-webserver/source-conf
    cp -r "$1"/. "$conf"
    nginx -v 2>&1 | sed 's,.*/,,; s, .*,,' > "$conf/version.txt"
    chmod a+r "$conf"/* 2> /dev/null || :
    chmod a+rwx "$conf/conf.d" 2> /dev/null || :

    """

/// `$1` is the name of the main configuration file. It may be another user's, so it is written anew, as for Apache.
private let nginxAttachScript = """
    set -ex
    agent=/opt/opentelemetry-webserver/agent
    conf=/opt/opentelemetry-webserver/source-conf
    cp -r /opt/opentelemetry/* "$agent"
    version=$(cat "$conf/version.txt")
    sed "s,__agent_log_dir__,$agent/logs,g" "$agent/conf/opentelemetry_sdk_log4cxx.xml.template" \
    > "$agent/conf/opentelemetry_sdk_log4cxx.xml"
    chmod a+rwx "$agent/logs" 2> /dev/null || :
    rm -f "$conf/opentelemetry_agent.conf"
    printf '%s\\n' "$OTEL_NGINX_AGENT_CONF" | sed "s,<<SID-PLACEHOLDER>>,$OTEL_NGINX_SERVICE_INSTANCE_ID,g" \
    > "$conf/opentelemetry_agent.conf"
    new="$conf/.opentelemetry-new"
    module="$agent/WebServerModule/Nginx/$version/ngx_http_opentelemetry_module.so"
    sed "1s,^,env OTEL_RESOURCE_ATTRIBUTES;\\nload_module $module;\\n," "$conf/$1" > "$new"
    chmod a+rw "$new"
    mv -f "$new" "$conf/$1"
    mv -f "$conf/opentelemetry_agent.conf" "$conf/conf.d"

    """
