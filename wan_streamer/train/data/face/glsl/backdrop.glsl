// A picture behind everything.
#ifdef VERTEX
in vec2 corner; out vec2 uv; void main() { uv = corner * 0.5 + 0.5; gl_Position = vec4(corner, 0.9999, 1); }
#else
in vec2 uv; uniform sampler2D image; out vec4 colour;
void main() { colour = vec4(texture(image, vec2(uv.x, 1.0 - uv.y)).rgb, 1); }
#endif
