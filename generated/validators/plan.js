// Generated from schemas/plan.json by `npm run generate`. Do not edit: change the source and generate again.
export const validate = validate22;
const schema37 = {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://mplp.dev/schemas/v1.0/plan.json","title":"MPLP Plan Protocol - 任务规划结构","type":"object","properties":{"id":{"$ref":"base-types.json#/definitions/uuid"},"name":{"type":"string"},"description":{"type":"string"},"tasks":{"type":"array","items":{"type":"object","properties":{"id":{"$ref":"base-types.json#/definitions/uuid"},"name":{"type":"string"},"type":{"type":"string","enum":["atomic","composite"]},"priority":{"$ref":"base-types.json#/definitions/priority"},"estimated_duration":{"type":"string"},"resources_required":{"type":"array"},"description":{"type":"string"},"category":{"type":"string","enum":["development","testing","documentation","review"]},"assigned_agent":{"type":"string"},"resources":{"type":"object","properties":{"cpu":{"type":"string"},"memory":{"type":"string"},"tools":{"type":"array","items":{"type":"string"}}}},"ai_ide_config":{"type":"object","properties":{"workspace":{"type":"string"},"environment":{"type":"string"},"required_plugins":{"type":"array","items":{"type":"string"}}}}},"required":["id","name","type"]}},"dependencies":{"type":"array","items":{"type":"object","properties":{"from_task":{"$ref":"base-types.json#/definitions/uuid"},"to_task":{"$ref":"base-types.json#/definitions/uuid"},"type":{"type":"string","enum":["finish_to_start","start_to_start","finish_to_finish"]}},"required":["from_task","to_task","type"]}},"workflow":{"type":"object","properties":{"execution_strategy":{"type":"string","enum":["sequential","parallel","conditional"]},"error_handling":{"type":"object"},"rollback_strategy":{"type":"object"}}},"validation":{"type":"object","properties":{"constraints":{"type":"array"},"success_criteria":{"type":"array"},"quality_gates":{"type":"array"}}},"objectives":{"type":"array"},"timeline":{"type":"object"},"resources":{"type":"object"}},"required":["id","name","tasks"]};
const schema33 = {"type":"string","pattern":"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"};
const schema40 = {"type":"string","enum":["high","medium","low"]};
const pattern4 = new RegExp("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "u");

function validate22(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
/*# sourceURL="https://mplp.dev/schemas/v1.0/plan.json" */;
let vErrors = null;
let errors = 0;
const evaluated0 = validate22.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.id === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "id"},message:"must have required property '"+"id"+"'"};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
if(data.name === undefined){
const err1 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "name"},message:"must have required property '"+"name"+"'"};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
if(data.tasks === undefined){
const err2 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "tasks"},message:"must have required property '"+"tasks"+"'"};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(data.id !== undefined){
let data0 = data.id;
if(typeof data0 === "string"){
if(!pattern4.test(data0)){
const err3 = {instancePath:instancePath+"/id",schemaPath:"base-types.json#/definitions/uuid/pattern",keyword:"pattern",params:{pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},message:"must match pattern \""+"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"+"\""};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
else {
const err4 = {instancePath:instancePath+"/id",schemaPath:"base-types.json#/definitions/uuid/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
if(data.name !== undefined){
if(typeof data.name !== "string"){
const err5 = {instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
if(data.description !== undefined){
if(typeof data.description !== "string"){
const err6 = {instancePath:instancePath+"/description",schemaPath:"#/properties/description/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
if(data.tasks !== undefined){
let data3 = data.tasks;
if(Array.isArray(data3)){
const len0 = data3.length;
for(let i0=0; i0<len0 && errors < 100; i0++){
let data4 = data3[i0];
if(data4 && typeof data4 == "object" && !Array.isArray(data4)){
if(data4.id === undefined){
const err7 = {instancePath:instancePath+"/tasks/" + i0,schemaPath:"#/properties/tasks/items/required",keyword:"required",params:{missingProperty: "id"},message:"must have required property '"+"id"+"'"};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
if(data4.name === undefined){
const err8 = {instancePath:instancePath+"/tasks/" + i0,schemaPath:"#/properties/tasks/items/required",keyword:"required",params:{missingProperty: "name"},message:"must have required property '"+"name"+"'"};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
if(data4.type === undefined){
const err9 = {instancePath:instancePath+"/tasks/" + i0,schemaPath:"#/properties/tasks/items/required",keyword:"required",params:{missingProperty: "type"},message:"must have required property '"+"type"+"'"};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
if(data4.id !== undefined){
let data5 = data4.id;
if(typeof data5 === "string"){
if(!pattern4.test(data5)){
const err10 = {instancePath:instancePath+"/tasks/" + i0+"/id",schemaPath:"base-types.json#/definitions/uuid/pattern",keyword:"pattern",params:{pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},message:"must match pattern \""+"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"+"\""};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
else {
const err11 = {instancePath:instancePath+"/tasks/" + i0+"/id",schemaPath:"base-types.json#/definitions/uuid/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
}
if(data4.name !== undefined){
if(typeof data4.name !== "string"){
const err12 = {instancePath:instancePath+"/tasks/" + i0+"/name",schemaPath:"#/properties/tasks/items/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
if(data4.type !== undefined){
let data7 = data4.type;
if(typeof data7 !== "string"){
const err13 = {instancePath:instancePath+"/tasks/" + i0+"/type",schemaPath:"#/properties/tasks/items/properties/type/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
if(!((data7 === "atomic") || (data7 === "composite"))){
const err14 = {instancePath:instancePath+"/tasks/" + i0+"/type",schemaPath:"#/properties/tasks/items/properties/type/enum",keyword:"enum",params:{allowedValues: schema37.properties.tasks.items.properties.type.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
if(data4.priority !== undefined){
let data8 = data4.priority;
if(typeof data8 !== "string"){
const err15 = {instancePath:instancePath+"/tasks/" + i0+"/priority",schemaPath:"base-types.json#/definitions/priority/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
if(!(((data8 === "high") || (data8 === "medium")) || (data8 === "low"))){
const err16 = {instancePath:instancePath+"/tasks/" + i0+"/priority",schemaPath:"base-types.json#/definitions/priority/enum",keyword:"enum",params:{allowedValues: schema40.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
if(data4.estimated_duration !== undefined){
if(typeof data4.estimated_duration !== "string"){
const err17 = {instancePath:instancePath+"/tasks/" + i0+"/estimated_duration",schemaPath:"#/properties/tasks/items/properties/estimated_duration/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
if(data4.resources_required !== undefined){
if(!(Array.isArray(data4.resources_required))){
const err18 = {instancePath:instancePath+"/tasks/" + i0+"/resources_required",schemaPath:"#/properties/tasks/items/properties/resources_required/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
if(data4.description !== undefined){
if(typeof data4.description !== "string"){
const err19 = {instancePath:instancePath+"/tasks/" + i0+"/description",schemaPath:"#/properties/tasks/items/properties/description/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
if(data4.category !== undefined){
let data12 = data4.category;
if(typeof data12 !== "string"){
const err20 = {instancePath:instancePath+"/tasks/" + i0+"/category",schemaPath:"#/properties/tasks/items/properties/category/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
if(!((((data12 === "development") || (data12 === "testing")) || (data12 === "documentation")) || (data12 === "review"))){
const err21 = {instancePath:instancePath+"/tasks/" + i0+"/category",schemaPath:"#/properties/tasks/items/properties/category/enum",keyword:"enum",params:{allowedValues: schema37.properties.tasks.items.properties.category.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
}
if(data4.assigned_agent !== undefined){
if(typeof data4.assigned_agent !== "string"){
const err22 = {instancePath:instancePath+"/tasks/" + i0+"/assigned_agent",schemaPath:"#/properties/tasks/items/properties/assigned_agent/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
if(data4.resources !== undefined){
let data14 = data4.resources;
if(data14 && typeof data14 == "object" && !Array.isArray(data14)){
if(data14.cpu !== undefined){
if(typeof data14.cpu !== "string"){
const err23 = {instancePath:instancePath+"/tasks/" + i0+"/resources/cpu",schemaPath:"#/properties/tasks/items/properties/resources/properties/cpu/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
}
if(data14.memory !== undefined){
if(typeof data14.memory !== "string"){
const err24 = {instancePath:instancePath+"/tasks/" + i0+"/resources/memory",schemaPath:"#/properties/tasks/items/properties/resources/properties/memory/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
}
if(data14.tools !== undefined){
let data17 = data14.tools;
if(Array.isArray(data17)){
const len1 = data17.length;
for(let i1=0; i1<len1 && errors < 100; i1++){
if(typeof data17[i1] !== "string"){
const err25 = {instancePath:instancePath+"/tasks/" + i0+"/resources/tools/" + i1,schemaPath:"#/properties/tasks/items/properties/resources/properties/tools/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
}
}
else {
const err26 = {instancePath:instancePath+"/tasks/" + i0+"/resources/tools",schemaPath:"#/properties/tasks/items/properties/resources/properties/tools/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
}
}
else {
const err27 = {instancePath:instancePath+"/tasks/" + i0+"/resources",schemaPath:"#/properties/tasks/items/properties/resources/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
if(data4.ai_ide_config !== undefined){
let data19 = data4.ai_ide_config;
if(data19 && typeof data19 == "object" && !Array.isArray(data19)){
if(data19.workspace !== undefined){
if(typeof data19.workspace !== "string"){
const err28 = {instancePath:instancePath+"/tasks/" + i0+"/ai_ide_config/workspace",schemaPath:"#/properties/tasks/items/properties/ai_ide_config/properties/workspace/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
}
if(data19.environment !== undefined){
if(typeof data19.environment !== "string"){
const err29 = {instancePath:instancePath+"/tasks/" + i0+"/ai_ide_config/environment",schemaPath:"#/properties/tasks/items/properties/ai_ide_config/properties/environment/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
}
if(data19.required_plugins !== undefined){
let data22 = data19.required_plugins;
if(Array.isArray(data22)){
const len2 = data22.length;
for(let i2=0; i2<len2 && errors < 100; i2++){
if(typeof data22[i2] !== "string"){
const err30 = {instancePath:instancePath+"/tasks/" + i0+"/ai_ide_config/required_plugins/" + i2,schemaPath:"#/properties/tasks/items/properties/ai_ide_config/properties/required_plugins/items/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
}
}
else {
const err31 = {instancePath:instancePath+"/tasks/" + i0+"/ai_ide_config/required_plugins",schemaPath:"#/properties/tasks/items/properties/ai_ide_config/properties/required_plugins/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
}
}
else {
const err32 = {instancePath:instancePath+"/tasks/" + i0+"/ai_ide_config",schemaPath:"#/properties/tasks/items/properties/ai_ide_config/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
}
}
else {
const err33 = {instancePath:instancePath+"/tasks/" + i0,schemaPath:"#/properties/tasks/items/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
}
}
else {
const err34 = {instancePath:instancePath+"/tasks",schemaPath:"#/properties/tasks/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
}
if(data.dependencies !== undefined){
let data24 = data.dependencies;
if(Array.isArray(data24)){
const len3 = data24.length;
for(let i3=0; i3<len3 && errors < 100; i3++){
let data25 = data24[i3];
if(data25 && typeof data25 == "object" && !Array.isArray(data25)){
if(data25.from_task === undefined){
const err35 = {instancePath:instancePath+"/dependencies/" + i3,schemaPath:"#/properties/dependencies/items/required",keyword:"required",params:{missingProperty: "from_task"},message:"must have required property '"+"from_task"+"'"};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
if(data25.to_task === undefined){
const err36 = {instancePath:instancePath+"/dependencies/" + i3,schemaPath:"#/properties/dependencies/items/required",keyword:"required",params:{missingProperty: "to_task"},message:"must have required property '"+"to_task"+"'"};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
if(data25.type === undefined){
const err37 = {instancePath:instancePath+"/dependencies/" + i3,schemaPath:"#/properties/dependencies/items/required",keyword:"required",params:{missingProperty: "type"},message:"must have required property '"+"type"+"'"};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
if(data25.from_task !== undefined){
let data26 = data25.from_task;
if(typeof data26 === "string"){
if(!pattern4.test(data26)){
const err38 = {instancePath:instancePath+"/dependencies/" + i3+"/from_task",schemaPath:"base-types.json#/definitions/uuid/pattern",keyword:"pattern",params:{pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},message:"must match pattern \""+"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"+"\""};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
}
else {
const err39 = {instancePath:instancePath+"/dependencies/" + i3+"/from_task",schemaPath:"base-types.json#/definitions/uuid/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
}
if(data25.to_task !== undefined){
let data27 = data25.to_task;
if(typeof data27 === "string"){
if(!pattern4.test(data27)){
const err40 = {instancePath:instancePath+"/dependencies/" + i3+"/to_task",schemaPath:"base-types.json#/definitions/uuid/pattern",keyword:"pattern",params:{pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},message:"must match pattern \""+"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"+"\""};
if(vErrors === null){
vErrors = [err40];
}
else {
vErrors.push(err40);
}
errors++;
}
}
else {
const err41 = {instancePath:instancePath+"/dependencies/" + i3+"/to_task",schemaPath:"base-types.json#/definitions/uuid/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err41];
}
else {
vErrors.push(err41);
}
errors++;
}
}
if(data25.type !== undefined){
let data28 = data25.type;
if(typeof data28 !== "string"){
const err42 = {instancePath:instancePath+"/dependencies/" + i3+"/type",schemaPath:"#/properties/dependencies/items/properties/type/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err42];
}
else {
vErrors.push(err42);
}
errors++;
}
if(!(((data28 === "finish_to_start") || (data28 === "start_to_start")) || (data28 === "finish_to_finish"))){
const err43 = {instancePath:instancePath+"/dependencies/" + i3+"/type",schemaPath:"#/properties/dependencies/items/properties/type/enum",keyword:"enum",params:{allowedValues: schema37.properties.dependencies.items.properties.type.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err43];
}
else {
vErrors.push(err43);
}
errors++;
}
}
}
else {
const err44 = {instancePath:instancePath+"/dependencies/" + i3,schemaPath:"#/properties/dependencies/items/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err44];
}
else {
vErrors.push(err44);
}
errors++;
}
}
}
else {
const err45 = {instancePath:instancePath+"/dependencies",schemaPath:"#/properties/dependencies/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err45];
}
else {
vErrors.push(err45);
}
errors++;
}
}
if(data.workflow !== undefined){
let data29 = data.workflow;
if(data29 && typeof data29 == "object" && !Array.isArray(data29)){
if(data29.execution_strategy !== undefined){
let data30 = data29.execution_strategy;
if(typeof data30 !== "string"){
const err46 = {instancePath:instancePath+"/workflow/execution_strategy",schemaPath:"#/properties/workflow/properties/execution_strategy/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err46];
}
else {
vErrors.push(err46);
}
errors++;
}
if(!(((data30 === "sequential") || (data30 === "parallel")) || (data30 === "conditional"))){
const err47 = {instancePath:instancePath+"/workflow/execution_strategy",schemaPath:"#/properties/workflow/properties/execution_strategy/enum",keyword:"enum",params:{allowedValues: schema37.properties.workflow.properties.execution_strategy.enum},message:"must be equal to one of the allowed values"};
if(vErrors === null){
vErrors = [err47];
}
else {
vErrors.push(err47);
}
errors++;
}
}
if(data29.error_handling !== undefined){
let data31 = data29.error_handling;
if(!(data31 && typeof data31 == "object" && !Array.isArray(data31))){
const err48 = {instancePath:instancePath+"/workflow/error_handling",schemaPath:"#/properties/workflow/properties/error_handling/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err48];
}
else {
vErrors.push(err48);
}
errors++;
}
}
if(data29.rollback_strategy !== undefined){
let data32 = data29.rollback_strategy;
if(!(data32 && typeof data32 == "object" && !Array.isArray(data32))){
const err49 = {instancePath:instancePath+"/workflow/rollback_strategy",schemaPath:"#/properties/workflow/properties/rollback_strategy/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err49];
}
else {
vErrors.push(err49);
}
errors++;
}
}
}
else {
const err50 = {instancePath:instancePath+"/workflow",schemaPath:"#/properties/workflow/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err50];
}
else {
vErrors.push(err50);
}
errors++;
}
}
if(data.validation !== undefined){
let data33 = data.validation;
if(data33 && typeof data33 == "object" && !Array.isArray(data33)){
if(data33.constraints !== undefined){
if(!(Array.isArray(data33.constraints))){
const err51 = {instancePath:instancePath+"/validation/constraints",schemaPath:"#/properties/validation/properties/constraints/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err51];
}
else {
vErrors.push(err51);
}
errors++;
}
}
if(data33.success_criteria !== undefined){
if(!(Array.isArray(data33.success_criteria))){
const err52 = {instancePath:instancePath+"/validation/success_criteria",schemaPath:"#/properties/validation/properties/success_criteria/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err52];
}
else {
vErrors.push(err52);
}
errors++;
}
}
if(data33.quality_gates !== undefined){
if(!(Array.isArray(data33.quality_gates))){
const err53 = {instancePath:instancePath+"/validation/quality_gates",schemaPath:"#/properties/validation/properties/quality_gates/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err53];
}
else {
vErrors.push(err53);
}
errors++;
}
}
}
else {
const err54 = {instancePath:instancePath+"/validation",schemaPath:"#/properties/validation/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err54];
}
else {
vErrors.push(err54);
}
errors++;
}
}
if(data.objectives !== undefined){
if(!(Array.isArray(data.objectives))){
const err55 = {instancePath:instancePath+"/objectives",schemaPath:"#/properties/objectives/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err55];
}
else {
vErrors.push(err55);
}
errors++;
}
}
if(data.timeline !== undefined){
let data38 = data.timeline;
if(!(data38 && typeof data38 == "object" && !Array.isArray(data38))){
const err56 = {instancePath:instancePath+"/timeline",schemaPath:"#/properties/timeline/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err56];
}
else {
vErrors.push(err56);
}
errors++;
}
}
if(data.resources !== undefined){
let data39 = data.resources;
if(!(data39 && typeof data39 == "object" && !Array.isArray(data39))){
const err57 = {instancePath:instancePath+"/resources",schemaPath:"#/properties/resources/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err57];
}
else {
vErrors.push(err57);
}
errors++;
}
}
}
else {
const err58 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err58];
}
else {
vErrors.push(err58);
}
errors++;
}
validate22.errors = vErrors;
return errors === 0;
}
validate22.evaluated = {"props":{"id":true,"name":true,"description":true,"tasks":true,"dependencies":true,"workflow":true,"validation":true,"objectives":true,"timeline":true,"resources":true},"dynamicProps":false,"dynamicItems":false};
