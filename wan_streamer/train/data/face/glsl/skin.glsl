// Its colours come from a texture that `skin_paint.glsl` made.
#ifdef VERTEX
void shade(vec3 n, vec3 view, vec3 along) {
    float edge = 1.0 - max(dot(n, view), 0.0);
    lit = diffuse(n, vec3(0.42, 0.20, 0.14));
    shine = glint(n, view, 26.0) * 0.075 + edge * edge * edge * edge * sky * 0.08 * light.x;
}
#else
uniform sampler2D albedo;
void main() {
    vec4 texel = texture(albedo, uv_at, -1.0);  // sharper: brows and lips are a few pixels
    colour = film(texel.rgb * texel.rgb * lit + shine * (1.0 + texel.a));
}
#endif
