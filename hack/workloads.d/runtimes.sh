# The images of the runtimes other than Python, and the stand-ins for the agents that neither Debian nor PyPI has.
# Sourced by hack/workloads. shellcheck shell=bash
#
# A stand-in has the real image's layout. Those for Java, Node.js, Apache HTTPD and nginx are loaded by the real runtime
# and say what they were given; those for .NET and Go have no runtime to be loaded by. All of their code is our own.

# The image of an agent that is copied by an init container.
inputs_agent() { echo "$SOURCES/runtimes.sh"; }
agent_image() { finish "registry.local/$1-standin:1" '{"Cmd": ["sh"]}'; }

inputs_java-agent() { inputs_agent && echo "$SOURCES/java/Agent.java"; }
build_java-agent() {
    skeleton
    add_busybox
    compile Agent
    printf 'Premain-Class: Agent\n' >"$WORK/manifest"
    jdk jar --create --file "$ROOTFS/javaagent.jar" --manifest "$WORK/manifest" -C "$WORK/classes" .
    agent_image autoinstrumentation-java
}

inputs_java-extension() { inputs_agent && echo "$SOURCES/java/Extension.java"; }
build_java-extension() {
    skeleton
    add_busybox
    compile Extension
    mkdir -p "$WORK/classes/META-INF/services" "$ROOTFS/extensions"
    echo Extension >"$WORK/classes/META-INF/services/java.lang.Runnable"
    jdk jar --create --file "$ROOTFS/extensions/standin-extension.jar" -C "$WORK/classes" .
    agent_image java-extension
}

inputs_java-app() { inputs_agent && echo "$SOURCES/java/App.java"; }
build_java-app() {
    skeleton
    debian "$ROOTFS" libc6 libgcc-s1 libstdc++6 zlib1g
    add_busybox
    compile App
    mkdir -p "$ROOTFS/app"
    jdk jar --create --file "$ROOTFS/app/app.jar" --main-class App -C "$WORK/classes" .
    # A JVM of Debian's with only the modules that are needed: 35 MB instead of 190.
    jdk jlink --add-modules java.base,java.instrument --strip-debug --compress=2 --no-header-files --no-man-pages \
        --output "$ROOTFS/usr/lib/jvm"
    without_documentation
    finish registry.local/javaapp:1 '{"User": "10001:10001",
        "Entrypoint": ["/usr/lib/jvm/bin/java", "-jar", "/app/app.jar"]}'
}

inputs_nodejs-agent() { inputs_agent && echo "$SOURCES/nodejs/autoinstrumentation.js"; }
build_nodejs-agent() {
    skeleton
    add_busybox
    install -D -m 644 "$SOURCES/nodejs/autoinstrumentation.js" "$ROOTFS/autoinstrumentation/autoinstrumentation.js"
    agent_image autoinstrumentation-nodejs
}

inputs_nodejs-app() { inputs_agent && echo "$SOURCES/nodejs/app.js"; }
build_nodejs-app() {
    skeleton
    debian "$ROOTFS" nodejs libnode108 node-acorn node-busboy node-cjs-module-lexer node-undici node-xtend libuv1 \
        libicu72 libc-ares2 libnghttp2-14 libbrotli1 libssl3 zlib1g libstdc++6 libgcc-s1 libc6
    add_busybox
    install -D -m 644 "$SOURCES/nodejs/app.js" "$ROOTFS/app/app.js"
    without_documentation
    finish registry.local/nodejsapp:1 '{"User": "10001:10001", "Entrypoint": ["/usr/bin/node", "/app/app.js"],
        "ExposedPorts": {"8080/tcp": {}}}'
}

# The layout of the image that serves Apache HTTPD and nginx alike; its modules are made for Debian's two servers.
inputs_webserver-agent() {
    inputs_agent
    echo "$SOURCES"/webserver/{sdk.c,mod_apache_otel.c,ngx_http_opentelemetry_module.c,config,*.template}
}
build_webserver-agent() {
    local name version headers=$WORK/headers root=$ROOTFS/opt/opentelemetry
    local libraries=$root/sdk_lib/lib nginx=$WORK/headers/usr/share/nginx/src
    skeleton
    add_busybox
    mkdir -p "$libraries" "$root"/WebServerModule/{Apache,Nginx} "$root/conf" "$root/logs"
    for name in common resources trace otlp_recordable exporter_ostream_span exporter_otlp_grpc webserver_sdk; do
        library "$libraries/libopentelemetry_$name.so" "$SOURCES/webserver/sdk.c"
    done
    debian "$headers" apache2-dev libapr1-dev libaprutil1-dev nginx-dev libpcre2-dev libpcre2-8-0 zlib1g-dev zlib1g \
        libssl-dev libssl3 libcrypt-dev libcrypt1
    library "$root/WebServerModule/Apache/libmod_apache_otel.so" "$SOURCES/webserver/mod_apache_otel.c" \
        -I"$headers/usr/include/apache2" -I"$headers/usr/include/apr-1.0" -L"$libraries" -lopentelemetry_webserver_sdk
    version=$(sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' "$nginx/src/core/nginx.h")
    # nginx takes a module only if both were configured with the same options, as the package says them.
    # shellcheck disable=SC1091
    . "$nginx/conf_flags"
    cd "$nginx"
    export STANDIN_LIBRARIES=$libraries
    quietly "$WORK/log" ./configure "${NGX_CONF_FLAGS[@]}" --builddir="$WORK/nginx" \
        --with-cc-opt="-fPIC -I$headers/usr/include -I$headers/usr/include/x86_64-linux-gnu" \
        --with-ld-opt="-L$headers/usr/lib/x86_64-linux-gnu" --add-dynamic-module="$SOURCES/webserver"
    quietly "$WORK/log" make -f "$WORK/nginx/Makefile" modules
    cd /
    install -D -m 755 "$WORK/nginx/ngx_http_opentelemetry_module.so" \
        "$root/WebServerModule/Nginx/$version/ngx_http_opentelemetry_module.so"
    install -m 644 "$SOURCES/webserver/opentelemetry_sdk_log4cxx.xml.template" "$root/conf/"
    agent_image autoinstrumentation-apache-httpd
}

inputs_httpd() { inputs_agent && echo "$SOURCES/webserver/httpd.conf"; }
build_httpd() {
    local home=$ROOTFS/usr/local/apache2
    skeleton
    debian "$ROOTFS" apache2-bin libapr1 libaprutil1 libpcre2-8-0 libcrypt1 libexpat1 libuuid1 libgcc-s1 \
        libc6
    add_busybox
    add_nobody
    mkdir -p "$home"/{bin,conf,htdocs,logs}
    ln -s /usr/lib/apache2/modules "$home/modules"
    ln -s /usr/sbin/apache2 "$home/bin/httpd"
    install -m 644 "$SOURCES/webserver/httpd.conf" "$home/conf/httpd.conf"
    echo 'It works' >"$home/htdocs/index.html"
    without_documentation
    finish registry.local/httpd:1 '{"Entrypoint": ["/usr/local/apache2/bin/httpd", "-d", "/usr/local/apache2", "-f",
        "conf/httpd.conf", "-DFOREGROUND"], "ExposedPorts": {"8080/tcp": {}}}'
}

inputs_nginx() { inputs_agent && echo "$SOURCES/webserver/nginx.conf"; }
build_nginx() {
    skeleton
    debian "$ROOTFS" nginx libpcre2-8-0 libssl3 zlib1g libcrypt1 libc6
    add_busybox
    add_nobody
    mkdir -p "$ROOTFS/etc/nginx/conf.d" "$ROOTFS/usr/share/nginx/html" "$ROOTFS"/var/{lib,log}/nginx
    install -m 644 "$SOURCES/webserver/nginx.conf" "$ROOTFS/etc/nginx/nginx.conf"
    echo 'It works' >"$ROOTFS/usr/share/nginx/html/index.html"
    without_documentation
    finish registry.local/nginx:1 '{"Entrypoint": ["/usr/sbin/nginx", "-g", "daemon off;"],
        "ExposedPorts": {"8080/tcp": {}}}'
}

inputs_dotnet-agent() { inputs_agent; }
build_dotnet-agent() {
    local file
    skeleton
    add_busybox
    for file in {linux,linux-musl}/OpenTelemetry.AutoInstrumentation.Native.so AdditionalDeps/standin store/standin \
        net/OpenTelemetry.AutoInstrumentation.StartupHook.dll; do
        mkdir -p "$(dirname "$ROOTFS/autoinstrumentation/$file")"
        echo "stand-in for $file" >"$ROOTFS/autoinstrumentation/$file"
    done
    agent_image autoinstrumentation-dotnet
}

inputs_golang-agent() { inputs_agent && echo "$SOURCES/golang/watch"; }
build_golang-agent() {
    skeleton
    add_busybox
    install -m 755 "$SOURCES/golang/watch" "$ROOTFS/usr/bin/watch-target"
    finish registry.local/autoinstrumentation-go-standin:1 '{"Entrypoint": ["/usr/bin/watch-target"]}'
}

# add_nobody: whom the web servers give their requests to when they are started as root.
add_nobody() {
    printf 'nobody:x:65534:65534::/:/none\n' >>"$ROOTFS/etc/passwd"
    printf 'nogroup:x:65534:\n' >>"$ROOTFS/etc/group"
}

# library FILE SOURCE ARG...: compiles one shared library.
library() {
    local file=$1
    shift
    quietly "$WORK/log" gcc -Os -s -shared -fPIC -Wall -Wextra -Wl,-soname,"$(basename "$file")" -o "$file" "$@"
}

# compile NAME: the class NAME of java/NAME.java in $WORK/classes, for Java 8 as agents are.
compile() { jdk javac --release 8 -Xlint:-options -d "$WORK/classes" "$SOURCES/java/$1.java"; }

# jdk TOOL ARG...: runs a tool of Debian's JDK, which is unpacked once and not installed.
jdk() {
    local tool=$1 root=$CACHE/work/jdk link
    shift
    if [ ! -e "$root/complete" ]; then
        lock jdk
        if [ ! -e "$root/complete" ]; then
            rm -rf "$root"
            debian "$root" openjdk-17-jdk-headless openjdk-17-jre-headless
            find "$root/usr/lib/jvm" -lname '/*' | while read -r link; do
                ln -sfn "$root$(readlink "$link")" "$link"
            done
            touch "$root/complete"
        fi
    fi
    quietly "$WORK/log" "$root/usr/lib/jvm/java-17-openjdk-amd64/bin/$tool" "$@"
}
