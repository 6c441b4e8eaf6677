void main() {
    float c = cos(angle * turn), s = sin(angle * turn);
    vec3 at = pivot + turned(position - pivot, c, s) + shift + vec3(0, breath * (1.0 - turn), 0);
    gl_Position = to_clip * vec4(at, 1);
    uv_at = uv; detail_at = detail; rest_at = rest;
    vec3 n = normalize(turned(normal, c, s)), view = normalize(camera - at);
    shade(n, view, turned(rest, c, s));
}
