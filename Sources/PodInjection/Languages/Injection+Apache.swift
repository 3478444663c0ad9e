import JSONTree
import KubeModel
import TelemetryAPI

extension EnvironmentName {
    fileprivate static let apacheDirectives: EnvironmentName = "OTEL_APACHE_AGENT_CONF"
    fileprivate static let apacheInstanceID: EnvironmentName = "APACHE_SERVICE_INSTANCE_ID"
}

// Specification section 7.7.
extension Injection {
    mutating func injectApache(_ request: Request) {
        let language = request.settings.language
        var directory = language.configPath.isEmpty ? "/usr/local/apache2/conf" : language.configPath
        if directory.utf8.count > 1, directory.utf8.last == UInt8(ascii: "/") { directory.removeLast() }
        let server = WebServer(
            attachName: InjectedName.apacheAttach,
            confVolume: "otel-apache-conf-dir",
            agentVolume: "otel-apache-agent",
            directory: directory,
            attachArgument: directory,
            attachScript: apacheAttachScript,
            directivesName: .apacheDirectives,
            instanceIDName: .apacheInstanceID,
            cloneCommand: ["cp", "-r", "\(directory)/.", WebServer.sourcePath]
        )
        if self.refuseTakenNames([InjectedName.agentSourceClone, server.attachName], request) { return }
        let targets = self.webServerTargets(request)
        for place in targets {
            self.draft[place].environment.appendIfAbsent(request.settings.languageEnvironment)
            if !self.draft.initContainers.contains(InjectedName.agentSourceClone) {
                self.addClone(server, place, confVolume: Self.emptyVolume(server.confVolume, language), request)
            }
            if !self.draft.initContainers.contains(server.attachName) {
                let directives = self.apacheDirectives(of: self.draft[place], request)
                self.addAttach(
                    server,
                    agentVolume: Self.agentVolume(server.agentVolume, language),
                    directives: directives,
                    request
                )
                // The first target decides, as its configuration is the one that is copied (sharp edge 32).
                self.setSecurityContext(server, of: place, request)
            }
            self.addCommonEnvironment(to: place, request.settings)
            self.addSDKEnvironment(to: place, describing: place, request)
        }
        if !targets.isEmpty { self.record(request, injected: targets.map { self.draft[$0].name }) }
    }

    private func apacheDirectives(of container: ContainerDraft, _ request: Request) -> String {
        let version = request.settings.language.version == "2.2" ? "22" : ""
        let agent = WebServer.agentPath
        var text = "\n#Load the Otel Webserver SDK\n"
        for library in [
            "libopentelemetry_common", "libopentelemetry_resources", "libopentelemetry_trace",
            "libopentelemetry_otlp_recordable", "libopentelemetry_exporter_ostream_span",
            "libopentelemetry_exporter_otlp_grpc",
        ] {
            text += "LoadFile \(agent)/sdk_lib/lib/\(library).so\n"
        }
        text += "#Load the Otel ApacheModule SDK\n"
        text += "LoadFile \(agent)/sdk_lib/lib/libopentelemetry_webserver_sdk.so\n"
        let module = "LoadModule otel_apache_module \(agent)/WebServerModule/Apache/libmod_apache_otel"
        text += "#Load the Apache Module. In this example for Apache 2.4\n#\(module).so\n"
        text += "#Load the Apache Module. In this example for Apache 2.2\n#\(module)22.so\n"
        text += "\(module)\(version).so\n#Attributes\n"
        text += self.directives(
            "Apache",
            separator: " ",
            terminator: "",
            resolve: " ON",
            serviceNamespace: "apache-httpd",
            of: container,
            request
        )
        return text
    }
}

/// `$1` is the directory of the configuration; it never becomes a part of the script's text.
///
/// The copied files may be another user's. So what changes is written anew and takes the place of the old file: for that
/// the directory has to be writable, which that of a volume is. Its mode lets that user copy over it again: a pod whose
/// node restarted runs its init containers once more.
private let apacheAttachScript = """
    set -e
    agent=/opt/opentelemetry-webserver/agent
    conf=/opt/opentelemetry-webserver/source-conf
    cp -r /opt/opentelemetry/* "$agent"
    sed "s,__agent_log_dir__,$agent/logs,g" "$agent/conf/opentelemetry_sdk_log4cxx.xml.template" \
    > "$agent/conf/opentelemetry_sdk_log4cxx.xml"
    chmod a+rwx "$agent/logs" 2> /dev/null || :
    rm -f "$conf/opentemetry_agent.conf"
    printf '%s\\n' "$OTEL_APACHE_AGENT_CONF" | sed "s,<<SID-PLACEHOLDER>>,$APACHE_SERVICE_INSTANCE_ID,g" \
    > "$conf/opentemetry_agent.conf"
    new="$conf/.opentelemetry-new"
    : > "$new"
    [ ! -e "$conf/httpd.conf" ] || cat "$conf/httpd.conf" > "$new"
    printf '\\nInclude %s\\n' "$1/opentemetry_agent.conf" >> "$new"
    chmod a+rw "$new"
    mv -f "$new" "$conf/httpd.conf"

    """
