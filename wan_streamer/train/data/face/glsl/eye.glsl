// `rest` is a direction in the eye's own frame, detail the height above the middle of the eye.
#ifdef VERTEX
void shade(vec3 n, vec3 view, vec3 along) {
    lit = diffuse(n, vec3(0.25));
    vec3 glance = normalize(key_direction + vec3(0, 0.25, 0.5) + view);
    shine = key * (pow(max(dot(n, glance), 0.0), 260.0) * 1.5);
    shine += fill * pow(max(dot(n, normalize(fill_direction + view)), 0.0), 200.0) * 0.5;
}
#else
uniform vec3 iris_colour; uniform float lid_y;
void main() {
    float angle = acos(clamp(rest_at.z, -1.0, 1.0));
    float turn = atan(rest_at.y, rest_at.x);
    vec3 white = mix(vec3(0.72, 0.68, 0.655), vec3(0.62, 0.44, 0.40), smoothstep(0.55, 1.1, angle));
    float fibre = 0.8 + 0.2 * sin(turn * 23.0) * sin(turn * 7.0 + 1.0) + 0.5 * smoothstep(0.2, 0.36, angle);
    vec3 iris = iris_colour * fibre * (1.0 - 0.75 * smoothstep(0.34, 0.41, angle));
    vec3 tone = mix(iris, white, smoothstep(0.385, 0.43, angle));
    tone = mix(vec3(0.006), tone, smoothstep(0.145, 0.175, angle));
    float lid = 0.42 + 0.58 * smoothstep(0.0098, 0.0015, detail_at);
    colour = film(tone * lit * lid + shine);
}
#endif
