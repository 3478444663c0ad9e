import Glibc
import JSONTree
import KubeModel
import Testing

/// The init containers' commands run for real, below a directory of their own, in the place of containers: what they
/// leave behind (specification sections 7.7 and 7.8) doesn't depend on whose the copied files are.
struct WebServerScriptTests {
    /// Users of both containers. Each runs without any capability, so that root has no more rights than others.
    struct Users: Sendable, CustomTestStringConvertible {
        var clone: Int
        var attach: Int
        var testDescription: String { "\(self.clone) clones, \(self.attach) attaches" }
    }

    static let users = [
        Users(clone: 0, attach: 0), Users(clone: 1001, attach: 1001), Users(clone: 1001, attach: 65532),
        Users(clone: 1001, attach: 0), Users(clone: 0, attach: 65532),
    ]

    @Test(arguments: Self.users) func apache(_ users: Users) throws {
        let stage = try Stage()
        defer { stage.remove() }
        try stage.prepare(for: users.clone, file: "httpd.conf", text: "Listen 80\n")
        let pod = try scenario(
            [key("inject-apache-httpd"): "true"],
            instrumentation: "apacheHttpd: {configPath: \(stage.path)/etc}"
        ).run()
        // Once more after the node restarted.
        for _ in 1...2 {
            try stage.run(try pod.container("otel-agent-source-container-clone"), as: users.clone)
            try stage.run(
                try pod.container("otel-agent-attach-apache"),
                as: users.attach,
                ["OTEL_APACHE_AGENT_CONF": "\nName <<SID-PLACEHOLDER>>\nOther", "APACHE_SERVICE_INSTANCE_ID": "pod-1"]
            )
        }
        let include = "Include \(stage.path)/etc/opentemetry_agent.conf"
        #expect(try stage.text("web/source-conf/httpd.conf") == "Listen 80\n\n\(include)\n")
        #expect(try stage.text("web/source-conf/opentemetry_agent.conf") == "\nName pod-1\nOther\n")
        try stage.checkRest(["httpd.conf", "opentemetry_agent.conf", "conf.d", "keys"])
    }

    @Test(arguments: Self.users) func nginx(_ users: Users) throws {
        let stage = try Stage()
        defer { stage.remove() }
        try stage.prepare(for: users.clone, file: "main.conf", text: "user www;\nevents {}\n")
        let pod = try scenario(
            [key("inject-nginx"): "true"],
            instrumentation: "nginx: {configFile: \(stage.path)/etc/main.conf}"
        ).run()
        for _ in 1...2 {
            try stage.run(try pod.container("otel-agent-source-container-clone"), as: users.clone)
            try stage.run(
                try pod.container("otel-agent-attach-nginx"),
                as: users.attach,
                ["OTEL_NGINX_AGENT_CONF": "Name <<SID-PLACEHOLDER>>;", "OTEL_NGINX_SERVICE_INSTANCE_ID": "pod-1"]
            )
        }
        let module = "\(stage.path)/web/agent/WebServerModule/Nginx/1.25.3/ngx_http_opentelemetry_module.so"
        #expect(
            try stage.text("web/source-conf/main.conf")
                == "env OTEL_RESOURCE_ATTRIBUTES;\nload_module \(module);\nuser www;\nevents {}\n"
        )
        #expect(try stage.text("web/source-conf/conf.d/opentelemetry_agent.conf") == "Name pod-1;\n")
        #expect(try stage.text("web/source-conf/version.txt") == "1.25.3\n")
        try stage.checkRest(["main.conf", "version.txt", "conf.d", "keys"])
    }

    /// Without its main file Apache has other settings than those that are copied; it starts all the same.
    @Test func apacheWithoutMainFile() throws {
        let stage = try Stage()
        defer { stage.remove() }
        try stage.prepare(for: 0, file: "apache2.conf", text: "Listen 80\n")
        let pod = try scenario([key("inject-apache-httpd"): "true"]).run()
        try stage.run(
            try pod.container("otel-agent-attach-apache"),
            as: 0,
            ["OTEL_APACHE_AGENT_CONF": "", "APACHE_SERVICE_INSTANCE_ID": ""]
        )
        #expect(
            try stage.text("web/source-conf/httpd.conf")
                == "\nInclude /usr/local/apache2/conf/opentemetry_agent.conf\n"
        )
    }
}

/// A directory that stands for the file systems of the containers.
private struct Stage {
    let path: String

    init() throws {
        var template = Array("/tmp/swiftlet-scripts-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
        self.path = String(cString: try #require(made))
        chmod(self.path, 0o755)
    }

    func remove() { _ = try? self.spawn(["/bin/rm", "-rf", self.path], [:]) }

    /// The program's configuration, readable for its user only where it has to be, an agent, and the empty volumes.
    func prepare(for user: Int, file: String, text: String) throws {
        let script = """
            set -e
            cd "$1"
            mkdir -p etc/conf.d etc/keys image/conf image/logs image/sdk_lib web/agent web/source-conf bin
            printf '%s' "$3" > "etc/$2"
            echo include > etc/conf.d/default.conf
            echo key > etc/keys/private.key
            chmod 600 etc/keys/private.key
            echo library > image/sdk_lib/library.so
            echo 'logs in __agent_log_dir__, __agent_log_dir__' > image/conf/opentelemetry_sdk_log4cxx.xml.template
            printf '#!/bin/sh\\necho nginx version: nginx/1.25.3 >&2\\n' > bin/nginx
            chmod 755 bin/nginx
            chmod 777 web/agent web/source-conf
            """
        #expect(try self.spawn(["/bin/sh", "-c", script, "--", self.path, file, text], [:]) == 0)
        if geteuid() == 0 {
            #expect(try self.spawn(["/bin/chown", "-R", "\(user):\(user)", self.path + "/etc"], [:]) == 0)
        }
    }

    /// Runs what the container would run.
    func run(_ container: Container, as user: Int, _ environment: [String: String] = [:]) throws {
        let command = (container.command + container.args).map { word in
            word.replacing("/opt/opentelemetry-webserver", with: self.path + "/web")
                .replacing("/opt/opentelemetry/", with: self.path + "/image/")
        }
        // Others than root can't become someone else.
        let become =
            geteuid() == 0
            ? [
                "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--inh-caps=-all",
                "--bounding-set=-all", "--no-new-privs",
            ] : []
        #expect(try self.spawn(become + command, environment) == 0)
    }

    /// What both servers have: the agent, the copies of what isn't changed, and nothing besides.
    func checkRest(_ names: Set<String>) throws {
        #expect(try self.text("web/agent/sdk_lib/library.so") == "library\n")
        let logs = self.path + "/web/agent/logs"
        #expect(try self.text("web/agent/conf/opentelemetry_sdk_log4cxx.xml") == "logs in \(logs), \(logs)\n")
        #expect(try self.mode("web/agent/logs") & 0o777 == 0o777)
        #expect(try self.text("web/source-conf/conf.d/default.conf") == "include\n")
        #expect(try self.text("web/source-conf/keys/private.key") == "key\n")
        // The program may be yet another user, but its secrets stay its own.
        #expect(try self.mode("web/source-conf/keys/private.key") & 0o077 == 0)
        for name in names { #expect(try self.mode("web/source-conf/\(name)") & 0o004 != 0, "\(name)") }
        let directory = try #require(opendir(self.path + "/web/source-conf"))
        defer { closedir(directory) }
        var found: Set<String> = []
        while let entry = readdir(directory) {
            found.insert(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        #expect(found.subtracting([".", ".."]) == names)
    }

    func text(_ name: String) throws -> String {
        let file = try #require(fopen("\(self.path)/\(name)", "r"), "\(name) is not there")
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    func mode(_ name: String) throws -> mode_t {
        var status = stat()
        try #require(stat("\(self.path)/\(name)", &status) == 0, "\(name) is not there")
        return status.st_mode
    }

    /// Runs a program to its end.
    ///
    /// - Returns: its exit status.
    private func spawn(_ command: [String], _ environment: [String: String]) throws -> Int32 {
        let variables = environment.merging(["PATH": "\(self.path)/bin:/usr/bin:/bin"]) { own, _ in own }
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + settings { free(pointer) } }
        var process: pid_t = 0
        try #require(posix_spawnp(&process, command[0], nil, nil, &arguments, &settings) == 0)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { try #require(errno == EINTR) }
        return status
    }
}
