// Moves a vertex and lights it. Colours are linear until `film()`; positions are metres in the viewer's axes.
// turn: share of the head's rotation that a vertex follows (Rodrigues' formula). light: share of the open sky, of the
// key light. Light is computed for each vertex: they lie closer than a picture's details, and pixels are dear.
uniform mat4 to_clip; uniform vec3 axis, pivot, shift; uniform float angle, breath;
uniform vec3 camera, key_direction, key, fill_direction, fill, rim_direction, rim, sky, ground;
in vec3 position, normal, rest; in vec2 uv, light; in float turn, detail;
out vec3 lit, shine, rest_at; out vec2 uv_at; out float detail_at;
vec3 turned(vec3 v, float c, float s) { return v * c + cross(axis, v) * s + axis * dot(axis, v) * (1.0 - c); }
vec3 diffuse(vec3 n, vec3 wrap) {
    vec3 wrapped = clamp((dot(n, key_direction) + wrap) / (1.0 + wrap), 0.0, 1.0);
    vec3 sum = key * wrapped * mix(wrap * 0.55, vec3(1), light.y);
    sum += (fill * max((dot(n, fill_direction) + 0.3) / 1.3, 0.0) + mix(ground, sky, n.y * 0.5 + 0.5)) * light.x;
    return sum + rim * max(dot(n, rim_direction), 0.0) * light.x;
}
vec3 glint(vec3 n, vec3 view, float gloss) {
    float sharp = pow(max(dot(n, normalize(key_direction + view)), 0.0), gloss) * light.y;
    float soft = pow(max(dot(n, normalize(fill_direction + view)), 0.0), gloss) * light.x;
    return key * sharp + fill * soft * 0.6;
}
