// Averages 2 x 2 samples; rows leave top row first.
#ifdef VERTEX
in vec2 corner; out vec2 uv; void main() { uv = corner * 0.5 + 0.5; gl_Position = vec4(corner, 0.9999, 1); }
#else
uniform sampler2D image; out vec4 colour;
void main() {
    ivec2 size = textureSize(image, 0), at = ivec2(gl_FragCoord.xy) * 2; at.y = size.y - 2 - at.y;
    colour = 0.25 * (texelFetch(image, at, 0) + texelFetch(image, at + ivec2(1, 0), 0)
           + texelFetch(image, at + ivec2(0, 1), 0) + texelFetch(image, at + ivec2(1, 1), 0));
}
#endif
