// NiceGUI asks DOMPurify to clean the markup that it shows. The portal shows text only: whoever adds markup is told.
export default { sanitize() { throw new Error("The portal shows text, never markup: draw elements."); } };
